/**
 * Standard output as a command may rely on it: what could not be written makes the command fail. A reader that ended
 * early (`walvault list | head`) is no failure.
 */
import { closeSync, fstatSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { localIoError, systemCode, type WalvaultError } from '../base/errors/errors.ts';
import { visibleLines } from '../base/visible-text.ts';

const descriptor = 1;

export class StandardOutput {
  #failure: unknown;
  #isFile: boolean | undefined;

  /** Control characters that something foreign brought are shown, not obeyed. */
  write(text: string): void {
    if (this.#failure !== undefined) return;
    const visible = visibleLines(text);
    if (this.#goesToFile()) this.#writeFile(Buffer.from(visible));
    else this.#stream().write(visible);
  }

  /** Resolves when the bytes are written. False: further bytes are in vain. */
  async writeBytes(chunk: Uint8Array): Promise<boolean> {
    if (this.#failure !== undefined) return false;
    if (this.#goesToFile()) this.#writeFile(chunk);
    else await new Promise<void>(resolve => void this.#stream().write(chunk, () => resolve()));
    return this.#failure === undefined;
  }

  /** The reason why the output is not whole, if it is not. Nothing may be written afterwards. */
  end(): WalvaultError | undefined {
    // Some file systems tell only at the close that a write has failed: network file systems, and quotas.
    if (this.#isFile === true && this.#failure === undefined) this.#attempt(() => closeSync(descriptor));
    const failure = this.#failure;
    if (failure === undefined || systemCode(failure) === 'EPIPE') return undefined;
    return localIoError('write', 'standard output', failure);
  }

  /** Node's own stream for files takes a short write, as on a disk that becomes full, for a whole one. */
  #writeFile(bytes: Uint8Array): void {
    this.#attempt(() => {
      for (let at = 0; at < bytes.length;) at += writeSync(descriptor, bytes, at);
    });
  }

  #attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#failure ??= error;
    }
  }

  #goesToFile(): boolean {
    this.#isFile ??= isFileOrDevice();
    return this.#isFile;
  }

  /** The stream is made on first use: it costs a push one millisecond, and a push rarely prints. */
  #stream(): NodeJS.WriteStream {
    const { stdout } = process;
    if (stdout.listenerCount('error') === 0) stdout.on('error', error => (this.#failure ??= error));
    return stdout;
  }
}

function isFileOrDevice(): boolean {
  const stats = fstatSync(descriptor);
  return stats.isFile() || (stats.isCharacterDevice() && !isatty(descriptor));
}
