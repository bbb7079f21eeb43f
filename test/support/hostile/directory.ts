/** A directory repository in the hands of an attacker. */
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { temporaryDirectory } from '../site/temp.ts';
import { giveToUnprivileged } from '../site/unprivileged.ts';
import type { HostileRepository } from './hostile-repository.ts';

/** As docs/repository-format.md has it. */
interface Sidecar {
  readonly metadata: Readonly<Record<string, string>>;
}

export class HostileDirectory implements HostileRepository {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  save(): () => void {
    const saved = join(temporaryDirectory('saved'), 'repository');
    cpSync(this.root, saved, { recursive: true, preserveTimestamps: true });
    return () => {
      rmSync(this.root, { recursive: true });
      cpSync(saved, this.root, { recursive: true, preserveTimestamps: true });
      giveToUnprivileged(this.root);
    };
  }

  keys(prefix: string): string[] {
    return readdirSync(this.root, { recursive: true, encoding: 'utf8' })
      .filter(key => key.startsWith(prefix) && !key.endsWith('.meta'))
      .filter(key => statSync(join(this.root, key)).isFile())
      .toSorted();
  }

  read(key: string): Buffer {
    return readFileSync(join(this.root, key));
  }

  metadataOf(key: string): Readonly<Record<string, string>> {
    const sidecar = JSON.parse(readFileSync(this.#metadataPath(key), 'utf8')) as Sidecar;
    return sidecar.metadata;
  }

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
