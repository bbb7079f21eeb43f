/** The test vectors of the format (`test/vectors/README.md`), and a repository that holds one. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Codec, type CodecSettings } from '../../../src/repository/encoding/codec.ts';
import { Keyring } from '../../../src/repository/encoding/keyring.ts';
import type { Repository } from '../../../src/repository/repository.ts';
import { createMemoryStore } from '../../../src/stores/memory/store.ts';
import { silentLog } from '../logs.ts';
import { signal } from '../site/archive.ts';

const directory = resolve(import.meta.dirname, '../../vectors');

export interface Vector {
  readonly header: Readonly<Record<string, string>>;
  readonly key: string;
  readonly body: Buffer;
  readonly signature: Buffer | undefined;
}

export function vectorNames(): string[] {
  return readdirSync(directory).filter(name => /^(?!README).*\.(txt)$/.test(name));
}

export function readVector(name: string): Vector {
  const text = readFileSync(join(directory, name), 'latin1');
  const [head = '', ...sections] = text.split(/\n(?=--- )/);
  const header = Object.fromEntries(
    head
      .trim()
      .split('\n')
      .map(line => [line.slice(0, line.indexOf(': ')), line.slice(line.indexOf(': ') + 2)]),
  );
  const contentOf = (section: string) => section.slice(section.indexOf('\n') + 1);
  const [body = '', signature] = sections;
  return {
    header,
    key: header['key'] ?? '',
    body: Buffer.from(contentOf(body), body.startsWith('--- text') ? 'latin1' : 'base64'),
    signature: signature === undefined ? undefined : Buffer.from(contentOf(signature), 'base64'),
  };
}

/** The vectors of one kind. */
export function vectorsOf(kind: string): Vector[] {
  return vectorNames()
    .map(readVector)
    .filter(({ header }) => header['read-as'] === kind);
}

/** A file of `test/vectors/keys`. */
export function vectorKeyPath(name: string): string {
  return join(directory, 'keys', name);
}

/** The codec of a reader who has the reader's private key and trusts the two writers. */
export function readerCodec(verifySignatures: CodecSettings['verifySignatures']): Codec {
  const keyring = new Keyring({
    mode: 'openpgp',
    walRecipients: [],
    backupRecipients: [],
    passphrases: [],
    privateKeys: [vectorKeyPath('reader-private.asc')],
    privateKeyPassphrases: [],
    signingKey: undefined,
    signingPassphrase: undefined,
    trustedSigners: ['writer-public.asc', 'notes-writer-public.asc'].map(vectorKeyPath),
  });
  return new Codec(keyring, { compressionLevel: 1, verifySignatures }, silentLog);
}

/** A repository with this one object. */
export async function repositoryWith({ header, key, body, signature }: Vector): Promise<Repository> {
  const store = createMemoryStore();
  const { digest, size, storeddigest, storedsize, writeid } = header;
  const metadata = { digest, size, storeddigest, storedsize, writeid };
  const put = (name: string, data: Buffer, named: Record<string, string | undefined> = {}) =>
    store.put(name, [data], {
      ifAbsent: true,
      objectClass: 'wal',
      sizeBytes: data.length,
      sha256: createHash('sha256').update(data).digest('hex'),
      metadata: Object.fromEntries(
        Object.entries(named).flatMap(([field, value]) => (value === undefined ? [] : [[field, value]])),
      ),
      signal,
    });
  await put(key, body, metadata);
  if (signature !== undefined) await put(`${key}.sig`, signature);
  const codec = readerCodec((header['verify'] ?? 'off') as CodecSettings['verifySignatures']);
  return { name: 'main', required: true, expectedId: header['repository-id'], store, codec };
}
