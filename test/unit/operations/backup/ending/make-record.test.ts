import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'vitest';
import { recipientsOf } from '../../../../../src/operations/backup/ending/make-record.ts';
import { generateKeyPair } from '../../../../../src/pipeline/openpgp/index.ts';
import { Keyring } from '../../../../../src/repository/encoding/keyring.ts';
import { plainCodec } from '../../../../support/site/archive.ts';
import { temporaryDirectory } from '../../../../support/site/temp.ts';

it('the recipients of a backup are the keys for backups, not those for WAL; without public keys there are none', async () => {
  const directory = temporaryDirectory('keys');
  const make = async (name: string) => {
    const { publicArmored, fingerprint } = await generateKeyPair({ userId: name, use: 'encrypt' });
    const path = join(directory, `${name}.asc`);
    writeFileSync(path, publicArmored);
    return { path, fingerprint };
  };
  const [wal, first, second] = [await make('wal'), await make('first'), await make('second')];
  const { settings } = plainCodec().keyring;
  const keys = { walRecipients: [wal.path], backupRecipients: [first.path, second.path] };
  const openpgp = new Keyring({ ...settings, ...keys, mode: 'openpgp' });
  assert.deepEqual(await recipientsOf(openpgp), [first.fingerprint, second.fingerprint]);
  for (const mode of ['passphrase', 'none'] as const)
    assert.deepEqual(await recipientsOf(new Keyring({ ...settings, mode })), []);
});
