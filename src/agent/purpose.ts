/** Whether an agent still has somebody to work for. */
import { readPostmasterPid } from '../postgres/cluster/postmaster-pid.ts';
import { isAlive } from './client/is-alive.ts';

/** The run of a server that an agent was started for: another process, or another start of it, is another run. */
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
