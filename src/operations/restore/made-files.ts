/**
 * The entries of PostgreSQL's manifest for the relation files that a restore has made of several backups. They wait in a
 * temporary file without a name, so that memory is bounded.
 */
import { randomBytes } from 'node:crypto';
import { open, unlink, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { readLines } from '../../base/bytes/lines.ts';
import { writeAll } from '../../base/files/durable.ts';
import { backupManifestEntry, backupManifestName } from '../../postgres/cluster/backup-manifest.ts';
import type { MadeRelation } from './unpack-part.ts';

export class MadeFiles implements AsyncDisposable {
  readonly #handle: FileHandle;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  static async open(directory: string): Promise<MadeFiles> {
    const path = join(directory, `.walvault-made.${randomBytes(6).toString('hex')}.tmp`);
    const handle = await open(path, 'ax+', 0o600);
    await unlink(path);
    return new MadeFiles(handle);
  }

  /** Adds those of one part; parts may come side by side. */
  async add(files: readonly MadeRelation[]): Promise<void> {
    await writeAll(this.#handle, Buffer.from(files.map(file => `${backupManifestEntry(file)}\n`).join('')));
  }

  /** As `encodeBackupManifest` takes them. */
  async *entries(): AsyncGenerator<string> {
    yield* readLines(this.#handle.createReadStream({ start: 0, autoClose: false }), backupManifestName);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
  }
}
