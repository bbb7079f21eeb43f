/** The check of the keys for writing: recipients, the signing key, trusted signers. It needs no private key. */
import { WalvaultError } from '../../base/errors/errors.ts';
import { passphraseWeakness } from '../../base/passphrase-strength.ts';
import { formatDuration } from '../../base/units.ts';
import type { PublicKey } from '../../pipeline/openpgp/index.ts';
import type { Keyring, ObjectUse } from '../../repository/encoding/keyring.ts';
import type { CheckOptions } from './options.ts';
import { failure, ok, skipped, warning, type Checklist, type Finding } from './checklist.ts';

const link = 'keys';
const noticeMs = 60 * 24 * 3_600_000;

export async function checkKeys(list: Checklist, options: CheckOptions): Promise<void> {
  const keyring = options.repositories[0]?.codec.keyring;
  if (keyring === undefined) return;
  const { signal } = options;
  const { mode } = keyring.settings;
  if (mode === 'openpgp') {
    for (const use of ['wal', 'backup'] as const)
      await list.prove(link, `recipients of ${nameOf[use]}`, {
        signal,
        work: () => recipientFindings(keyring, use, options.now),
      });
    await list.prove(link, 'private keys', { signal, work: () => elsewhere(keyring) });
  } else if (mode === 'passphrase') {
    list.add(link, ok('encryption by passphrase: this host can read the whole archive'));
    await list.prove(link, 'passphrase', { signal, work: () => passphraseFindings(keyring) });
  } else {
    list.add(link, skipped('encryption is off: no recipients to look at'));
  }
  await list.prove(link, 'signing key', { signal, work: () => signingFindings(keyring, options) });
  await list.prove(link, 'host secret', { signal, work: () => hostSecretFinding(keyring) });
}

export const nameOf: Record<ObjectUse, string> = { wal: 'WAL', backup: 'backups' };

async function recipientFindings(keyring: Keyring, use: ObjectUse, now: Date): Promise<Finding[]> {
  const recipients = await keyring.recipients(use);
  // The check really encrypts: a key without a usable encryption subkey fails here, not in the first push.
  await keyring.encryptor(use);
  return recipients.map(key => recipientFinding(key, use, now));
}

function recipientFinding(key: PublicKey, use: ObjectUse, now: Date): Finding {
  const what = `${nameOf[use]} encrypted to ${describeKey(key)}`;
  const leftMs = key.expiresAt === undefined ? undefined : key.expiresAt.getTime() - now.getTime();
  const hint = `Extend it where its private key is, and replace the public key file here.`;
  if (leftMs === undefined) return ok(what);
  if (leftMs <= 0)
    return warning(
      `${what}, expired ${key.expiresAt?.toISOString() ?? ''}: it is encrypted to all the same`,
      hint,
    );
  return leftMs < noticeMs ? warning(`${what}, which expires in ${formatDuration(leftMs)}`, hint) : ok(what);
}

/** Warns if private keys lie on this host alone: an archive is lost with its last private key. */
async function elsewhere(keyring: Keyring): Promise<Finding> {
  const here = new Set((await keyring.privateKeys()).map(({ fingerprint }) => fingerprint));
  const recipients = [...(await keyring.recipients('wal')), ...(await keyring.recipients('backup'))];
  const away = recipients.filter(({ fingerprint }) => !here.has(fingerprint));
  if (away.length > 0) {
    const count = new Set(away.map(({ fingerprint }) => fingerprint)).size;
    return ok(
      `the private ${count === 1 ? 'key of one recipient is' : `keys of ${count} recipients are`} not on this host`,
    );
  }
  return warning(
    'the private keys of all recipients are on this host',
    'Keep a copy of one elsewhere: if this host is lost, its archive could never be opened.',
  );
}

/** A weak passphrase goes on working: what it has encrypted must be read, and archiving must not stop. */
async function passphraseFindings({ settings }: Keyring): Promise<Finding[]> {
  const weakness = passphraseWeakness((await settings.passphrases[0]?.read())?.reveal() ?? '');
  if (weakness === undefined) return [];
  const hint =
    'Put a longer one before it, and keep the old one in the list for reading; make one with `openssl rand -base64 24`.';
  return [warning(`encryption.passphrase ${weakness}: whoever has the archive can guess it`, hint)];
}

async function signingFindings(keyring: Keyring, { config }: CheckOptions): Promise<Finding[]> {
  const { verify } = config.signing;
  const signer = await keyring.signer();
  if (signer === undefined) {
    const hint = 'Set signing.key; `walvault init` makes one.';
    const message = 'no signing key: nobody can prove who wrote what is archived';
    return [
      verify === 'require'
        ? failure(`${message}, and signing.verify is "require"`, hint)
        : warning(message, hint),
    ];
  }
  const findings = [ok(`objects are signed by ${signer.fingerprint}`)];
  const trusted = await keyring.trustedSigners();
  if (trusted.some(({ fingerprint }) => fingerprint === signer.fingerprint)) {
    findings.push(
      ok(
        `signatures are checked against ${trusted.length} trusted ${trusted.length === 1 ? 'signer' : 'signers'}, this host's among them`,
      ),
    );
  } else if (verify !== 'off') {
    const message = "this host's signing key is not among signing.trusted-signers";
    const hint = 'Add its public key, or what this host writes is not trusted when it is read or cleaned up.';
    findings.push(verify === 'require' ? failure(message, hint) : warning(message, hint));
  }
  return findings;
}

/** Backups are taken without it all the same, and so are those of root, who reads no secret that others choose. */
async function hostSecretFinding(keyring: Keyring): Promise<Finding> {
  try {
    if ((await keyring.hostSecret()) === undefined)
      return skipped(
        'no encryption.host-secret: an interrupted backup begins anew (make one with `openssl rand -hex 32`)',
      );
  } catch (error) {
    if (!(error instanceof WalvaultError)) throw error;
    return warning(
      `the host's own secret cannot be used, so that an interrupted backup begins anew: ${error.message}`,
      error.hint,
    );
  }
  return ok('an interrupted backup goes on from its finished parts: this host has its own secret');
}

export function describeKey({ fingerprint, userId }: { fingerprint: string; userId: string }): string {
  return `${fingerprint} (${userId})`;
}
