/** A directory repository in the hands of an attacker who may write there, and has no key of the archive. */
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { giveToUnprivileged } from '../site/unprivileged.ts';

/** As docs/repository-format.md has it. */
interface Sidecar {
  readonly metadata: Record<string, string>;
}

export class HostileDirectory {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** Puts back what the archive was when this was made; `saved` is outside the repository. */
  restoreFrom(saved: string): void {
    rmSync(this.root, { recursive: true });
    cpSync(saved, this.root, { recursive: true, preserveTimestamps: true });
    giveToUnprivileged(this.root);
  }

  /** The names below a key's directory, metadata left out. */
  names(directory: string): string[] {
    return readdirSync(join(this.root, directory)).filter(name => !name.endsWith('.meta'));
  }

  read(key: string): Buffer {
    return readFileSync(join(this.root, key));
  }

  metadataOf(key: string): Record<string, string> {
    const sidecar = JSON.parse(readFileSync(this.#metadataPath(key), 'utf8')) as Sidecar;
    return sidecar.metadata;
  }

  /** Adds the object, or replaces it, with the metadata. */
  put(key: string, body: Uint8Array | string, metadata?: Readonly<Record<string, string>>): void {
    this.remove(key);
    const path = join(this.root, key);
    const digest = createHash('sha256').update(body).digest('hex');
    mkdirSync(dirname(path), { recursive: true });
    const sidecar = { sizeBytes: Buffer.byteLength(body), sha256: digest, metadata };
    if (metadata !== undefined) writeFileSync(`${path}.${digest.slice(0, 16)}.meta`, JSON.stringify(sidecar));
    writeFileSync(path, body);
    giveToUnprivileged(this.root);
  }

  remove(key: string): void {
    const path = join(this.root, key);
    for (const name of this.#beside(key)) rmSync(join(dirname(path), name));
    rmSync(path, { force: true, recursive: true });
  }

  #metadataPath(key: string): string {
    return join(this.root, dirname(key), this.#beside(key)[0] ?? '');
  }

  #beside(key: string): string[] {
    const directory = dirname(join(this.root, key));
    mkdirSync(directory, { recursive: true });
    const begin = `${basename(key)}.`;
    return readdirSync(directory).filter(
      name => name.startsWith(begin) && /^[0-9a-f]{16}\.meta$/.test(name.slice(begin.length)),
    );
  }
}
