/**
 * The files that this agent has made durable, as a hint. The store is the truth: a forgotten file costs one repeated
 * conditional create. A change of the configured repositories ends the agent, and so the hint.
 */
import type { Event } from '../../observe/events/events.ts';

const expiresAfterMs = 10 * 60_000;
const maxEntries = 4096;

export interface DurableFile {
  /** `KeyedFile.key`, equal before and after the file was read. */
  readonly key: string;
  /** Events of the push, for the process that asks for the file. */
  readonly events: readonly Event[];
}

export class DurableSet {
  readonly #files = new Map<string, DurableFile & { readonly addedAt: number }>();
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  add(path: string, file: DurableFile): void {
    this.#files.delete(path);
    this.#files.set(path, { ...file, addedAt: this.#now() });
    const [oldest] = this.#files.keys();
    if (this.#files.size > maxEntries && oldest !== undefined) this.#files.delete(oldest);
  }

  /** Undefined when the file is unknown, has expired, or has changed since. */
  find(path: string, key: string): DurableFile | undefined {
    const file = this.#files.get(path);
    if (file === undefined) return undefined;
    if (file.key === key && this.#now() - file.addedAt < expiresAfterMs) return file;
    this.#files.delete(path);
    return undefined;
  }

  forget(path: string): void {
    this.#files.delete(path);
  }

  /** Paths that have not expired. */
  paths(): string[] {
    const now = this.#now();
    for (const [path, { addedAt }] of this.#files)
      if (now - addedAt >= expiresAfterMs) this.#files.delete(path);
    return [...this.#files.keys()];
  }
}
