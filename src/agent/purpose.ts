/** Whether an agent still has somebody to work for. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isAlive } from './client/is-alive.ts';

/**
 * The server that this agent was started for, by its `postmaster.pid`: it is removed when the server stops, and has
 * another process and start time (its first and third line) after the next start (pidfile.h). One that was killed
 * leaves it behind.
 */
export class ServerRun {
  readonly #path: string;
  readonly #first: string | undefined;

  constructor(dataDirectory: string) {
    this.#path = join(dataDirectory, 'postmaster.pid');
    this.#first = this.#look();
  }

  isOver(): boolean {
    return this.#first === undefined || this.#look() !== this.#first;
  }

  #look(): string | undefined {
    try {
      const [pid, , startedAt] = readFileSync(this.#path, 'latin1').split('\n');
      return isAlive(Number(pid)) ? `${pid} ${startedAt}` : undefined;
    } catch {
      return undefined;
    }
  }
}
