/**
 * An archive in memory whose host signs, and what attackers do to it: those who can only add objects, and those who can
 * replace them. Attackers have no key of the archive.
 */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Codec } from '../../../src/repository/encoding/codec.ts';
import { Keyring, type KeySettings } from '../../../src/repository/encoding/keyring.ts';
import type { SignaturePolicy } from '../../../src/repository/encoding/signature-policy.ts';
import { encodeMetadata, type WalObjectMetadata } from '../../../src/repository/format/object-metadata.ts';
import type { Repository } from '../../../src/repository/repository.ts';
import type { Log } from '../../../src/observe/events/events.ts';
import { silentLog } from '../logs.ts';
import { makePair } from '../openpgp/fixtures.ts';
import { makeRepository, signal } from '../site/archive.ts';
import { temporaryDirectory } from '../site/temp.ts';

export interface SignedArchive {
  /** The repository as its host has it, or a reader with the same keys. */
  as(
    policy: SignaturePolicy,
    options?: { readonly keys?: Partial<KeySettings>; readonly log?: Log },
  ): Repository;
  /** The keys of a host that only archives: it encrypts, and cannot read. */
  readonly pushOnly: Partial<KeySettings>;
  /** The keys of a reader. */
  readonly reader: Partial<KeySettings>;
}

/** Without encryption, unless the keys of `as` say otherwise. */
export async function makeSignedArchive(): Promise<SignedArchive> {
  const directory = temporaryDirectory('hostile');
  const keep = (name: string, text: string): string => {
    const path = join(directory, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const [host, recovery] = [await makePair('sign', 'host db1'), await makePair('encrypt', 'recovery')];
  const signingKey = keep('signing-private.asc', host.privateArmored);
  const trusted = keep('signing-public.asc', host.publicArmored);
  const recipient = keep('recovery-public.asc', recovery.publicArmored);
  const privateKey = keep('recovery-private.asc', recovery.privateArmored);
  const made = await makeRepository();
  const pushOnly = { mode: 'openpgp', walRecipients: [recipient], backupRecipients: [recipient] } as const;
  return {
    pushOnly,
    reader: { ...pushOnly, privateKeys: [privateKey] },
    as: (verifySignatures, { keys, log = silentLog } = {}) => ({
      ...made,
      codec: new Codec(
        new Keyring({
          ...made.codec.keyring.settings,
          signingKey,
          trustedSigners: [trusted],
          ...keys,
        }),
        { compressionLevel: 1, verifySignatures },
        log,
      ),
    }),
  };
}

/** Plants an object as an attacker would who can only add; with `replace`, as one who can replace, too. */
export async function plant(
  { store }: Repository,
  key: string,
  body: Uint8Array | string,
  { metadata, replace = false }: { metadata?: Record<string, string>; replace?: boolean } = {},
): Promise<void> {
  await store.put(key, [Buffer.from(body)], {
    ifAbsent: !replace,
    objectClass: 'wal',
    signal,
    ...(metadata !== undefined && { metadata }),
  });
}

/** Metadata that is right about `body` and claims that it is the encoded form of `plain`. */
export function claimingMetadata(
  body: Uint8Array,
  plain: Uint8Array,
  branch?: WalObjectMetadata['branch'],
): Record<string, string> {
  return encodeMetadata({
    sha256: sha256(plain),
    sizeBytes: plain.length,
    storedSha256: sha256(body),
    storedSizeBytes: body.length,
    writeId: 'f00d'.repeat(6),
    branch,
  });
}

function sha256(data: Uint8Array): string {
  return createHash('sha256').update(data).digest('hex');
}
