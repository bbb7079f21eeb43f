/** Files whose change makes an agent out of date: keys, credentials, certificate authorities. */
import { statSync } from 'node:fs';
import { ageMs } from '../base/time/clock.ts';
import { systemCode } from '../base/errors/errors.ts';

export class WatchedFiles {
  readonly #paths: readonly string[];
  readonly #first: string | undefined;

  /** A file that changed after `readSince` (milliseconds of the epoch) may have been read before it changed. */
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

/** File times lag behind by up to one tick of the kernel's clock. */
const clockTickMs = 20;

function changedAfter(path: string, time: number): boolean {
  try {
    const found = statSync(path);
    // A time in the future is no change of now, and every later agent would see it too.
    return !found.isDirectory() && found.ctimeMs > time && Number.isFinite(ageMs(found.ctimeMs));
  } catch {
    return false;
  }
}

/** The state of a file; a link that points elsewhere (a mounted secret that was renewed) changes it too. */
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
