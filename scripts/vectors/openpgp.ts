/** Keys, messages and signatures by gpg. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createGpg } from '../../test/support/openpgp/gpg.ts';
import { vectorsDirectory } from './vector-file.ts';

export const users = {
  reader: 'reader@example.com',
  writer: 'writer@example.com',
  stranger: 'stranger@example.com',
};
const gpg = createGpg();

/** Makes the three keys; those that readers need are kept beside the vectors. */
export async function makeKeys(): Promise<void> {
  const directory = join(vectorsDirectory, 'keys');
  mkdirSync(directory, { recursive: true });
  for (const [name, userId] of Object.entries(users)) {
    await gpg.generateKey(userId, 'future-default');
    writeFileSync(join(directory, `${name}-public.asc`), await gpg.exportPublic(userId));
  }
  writeFileSync(join(directory, 'reader-private.asc'), await gpg.exportPrivate(users.reader));
}

/** A key that signs; its public part is kept under the name. */
export async function makeKey(name: string | undefined, userId: string): Promise<void> {
  await gpg.generateKey(userId, 'future-default');
  if (name !== undefined)
    writeFileSync(join(vectorsDirectory, 'keys', `${name}-public.asc`), await gpg.exportPublic(userId));
}

interface Sealing {
  readonly to?: string;
  /** Undefined: not signed. */
  readonly by: string | undefined;
  /** The key that the signature is for. */
  readonly as: string;
}

/** Signed inside, then encrypted, as push does it: compression is zstd's, not OpenPGP's. */
export async function seal(data: Uint8Array, { to = users.reader, by, as }: Sealing): Promise<Buffer> {
  const signing = by === undefined ? [] : ['--sign', ...signedBy(by, as)];
  const ciphers = ['--compress-algo', 'none', '--cipher-algo', 'AES256'];
  return await gpgOutput([...ciphers, ...signing, '--encrypt', '--recipient', to], data);
}

/** A detached signature. */
export async function sign(data: string, as: string, by = users.writer): Promise<Buffer> {
  return await gpgOutput([...signedBy(by, as), '--detach-sign'], data);
}

function signedBy(user: string, key: string): string[] {
  return ['--digest-algo', 'SHA256', '--local-user', user, '--sig-notation', `key@walvault=${key}`];
}

async function gpgOutput(args: readonly string[], input: string | Uint8Array): Promise<Buffer> {
  const { stdoutBytes, exitCode, stderr } = await gpg.run(args, input);
  if (exitCode !== 0) throw new Error(stderr);
  return stdoutBytes;
}
