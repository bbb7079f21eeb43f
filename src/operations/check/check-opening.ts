/** The check that a stored object can be opened: encoded, stored, read back and decrypted with a private key. */
import { randomBytes } from 'node:crypto';
import { collect } from '../../base/bytes/streams.ts';
import type { Codec } from '../../repository/encoding/codec.ts';
import type { ObjectUse } from '../../repository/encoding/keyring.ts';
import type { Repository } from '../../repository/repository.ts';
import type { CheckOptions } from './options.ts';
import { describeKey, nameOf } from './check-keys.ts';
import { linkOf } from './check-store.ts';
import { failure, ok, skipped, type Checklist, type Finding } from './checklist.ts';
import { newProbePrefix, putProbe, removeProbes } from './probe.ts';

const probeBytes = 100_000;
const encodedLimitBytes = 1024 ** 2;

export interface OpeningCheck {
  readonly repository: Repository;
  readonly reader: Codec | undefined;
  readonly options: CheckOptions;
}

export async function checkOpening(
  list: Checklist,
  { repository, reader, options }: OpeningCheck,
): Promise<void> {
  const link = linkOf(repository);
  if (reader === undefined) {
    list.add(
      link,
      skipped(
        'nothing was opened: there is no private key on this host, as it should be',
        'Prove that yours opens what is written: `walvault check --private-key FILE`, once, where the key is.',
      ),
    );
    return;
  }
  const { signal } = options;
  for (const use of ['wal', 'backup'] as const) {
    await list.prove(link, `opening what is encrypted for ${nameOf[use]}`, {
      signal,
      work: () => openProbe(repository, { reader, use, signal }),
    });
  }
}

async function openProbe(
  repository: Repository,
  { reader, use, signal }: { reader: Codec; use: ObjectUse; signal: AbortSignal },
): Promise<Finding> {
  const { store, codec } = repository;
  const prefix = newProbePrefix();
  const key = `${prefix}${use}`;
  const plain = randomBytes(probeBytes);
  try {
    const run = await codec.encode(key, use);
    await putProbe(store, key, await collect(run.apply(once(plain)), encodedLimitBytes), { signal });
    const { body } = await store.get(key, { signal });
    if (
      !(await collect(reader.decode(key, body, { limitBytes: probeBytes, signal }), probeBytes * 2)).equals(
        plain,
      )
    )
      return failure(`an object encrypted for ${nameOf[use]} decodes to something else`);
    return ok(
      `an object written for ${nameOf[use]} was opened again ${await openedBy(repository, reader, use)}`,
    );
  } finally {
    await removeProbes(store, prefix, signal);
  }
}

async function* once(data: Uint8Array): AsyncGenerator<Uint8Array> {
  yield data;
}

/** Names the recipients whose private keys are at hand; opening the object proves nothing about the others. */
async function openedBy(repository: Repository, reader: Codec, use: ObjectUse): Promise<string> {
  const { keyring } = repository.codec;
  if (keyring.settings.mode === 'passphrase') return 'with the passphrase';
  if (keyring.settings.mode === 'none') return '(it is not encrypted)';
  const held = new Set((await reader.keyring.privateKeys()).map(({ fingerprint }) => fingerprint));
  const recipients = await keyring.recipients(use);
  const proven = recipients.filter(({ fingerprint }) => held.has(fingerprint));
  const others = recipients.length - proven.length;
  return `with the private key of ${proven.map(describeKey).join(' and ')}${others === 0 ? '' : `; ${others} more ${others === 1 ? 'recipient is' : 'recipients are'} not proven by it`}`;
}
