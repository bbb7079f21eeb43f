/** Files whose change makes an agent out of date: keys, credentials, certificate authorities. */
import { statSync } from 'node:fs';
import { ageMs } from '../base/time/clock.ts';
import { systemCode } from '../base/errors/errors.ts';

export class WatchedFiles {
  readonly #paths: readonly string[];
  readonly #first: string | undefined;

  /** One that changed after `readSince`, in milliseconds of the epoch, may have been read before it did. */
  constructor(paths: readonly string[], readSince: number) {
    this.#paths = paths;
    this.#first = paths.some(path => changedAfter(path, readSince - clockTickMs)) ? undefined : this.#look();
  }

  hasChanged(): boolean {
    return this.#look() !== this.#first;
  }

  #look(): string {
    return this.#paths.map(stateOf).join('\n');
  }
}

/** The file system's clock is that of the last tick of the kernel's. */
const clockTickMs = 20;

function changedAfter(path: string, time: number): boolean {
  try {
    const found = statSync(path);
    // A time yet to come is no change of now, and would still be one for every agent to follow.
    return !found.isDirectory() && found.ctimeMs > time && Number.isFinite(ageMs(found.ctimeMs));
  } catch {
    return false;
  }
}

/** A link that is pointed elsewhere (a mounted secret that was renewed) changes it too. */
function stateOf(path: string): string {
  try {
    const found = statSync(path, { bigint: true });
    // The data directory, whose content changes all the time.
    if (found.isDirectory()) return 'directory';
    const { dev, ino, size, mtimeNs, ctimeNs } = found;
    return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
  } catch (error) {
    return String(systemCode(error));
  }
}
