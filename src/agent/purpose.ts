/** Whether an agent still has somebody to work for. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * The server that this agent was started for, by its `postmaster.pid`: it is removed when the server stops, and has
 * another process and start time (its first and third line) after the next start (pidfile.h).
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
      const lines = readFileSync(this.#path, 'latin1').split('\n');
      return `${lines[0]} ${lines[2]}`;
    } catch {
      return undefined;
    }
  }
}
