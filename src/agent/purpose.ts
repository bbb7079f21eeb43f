/** The server run that an agent serves: when it is over, the agent has no purpose. */
import { readPostmasterPid } from '../postgres/cluster/postmaster-pid.ts';
import { isAlive } from './client/is-alive.ts';

/** One run of a server. Another process, or another start, is another run. */
export class ServerRun {
  readonly #dataDirectory: string;
  readonly #first: string | undefined;

  constructor(dataDirectory: string) {
    this.#dataDirectory = dataDirectory;
    this.#first = this.#look();
  }

  isOver(): boolean {
    return this.#first === undefined || this.#look() !== this.#first;
  }

  #look(): string | undefined {
    try {
      const server = readPostmasterPid(this.#dataDirectory);
      return server !== undefined && isAlive(server.pid) ? `${server.pid} ${server.startedAt}` : undefined;
    } catch {
      return undefined;
    }
  }
}
