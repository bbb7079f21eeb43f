import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { accessTo, checkAccess, type AccessOptions } from '../../../../src/cli/options/init-access.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

const directory = temporaryDirectory('access', { keepOwner: true });
const file = join(directory, 'secret');
writeFileSync(file, 'hush\n');

describe('the credentials that init is given', () => {
  const stores = {
    's3://b/p': {
      accessKeyId: 'AKID',
      secretAccessKeyFile: file,
      sessionTokenFile: file,
      customerKeyFile: file,
    },
    'gs://b/p': { credentialsFile: file },
    'azure://a/c/p': { accountKeyFile: file, sasTokenFile: file, connectionStringFile: file },
  } satisfies Record<string, AccessOptions>;
  const options: AccessOptions = Object.assign({ caFile: '/ca.pem' }, ...Object.values(stores)); // prettier-ignore

  for (const [url, own] of Object.entries(stores))
    test(`${url} gets its own and no other's`, async () => {
      const { accessKeyId, secrets = {}, credentialsFile, caFile } = await accessTo(url, options);
      const fields = Object.keys(own)
        .filter(name => name.endsWith('File') && name !== 'credentialsFile')
        .map(name => name.replace(/File$/, ''));
      assert.deepEqual(Object.keys(secrets), fields);
      for (const secret of Object.values(secrets)) {
        assert.equal(secret.file, file);
        assert.equal(secret.value.reveal(), 'hush');
      }
      assert.equal(accessKeyId?.reveal(), 'accessKeyId' in own ? 'AKID' : undefined);
      assert.equal(credentialsFile, 'credentialsFile' in own ? file : undefined);
      assert.equal(caFile, '/ca.pem');
    });

  const refusals: readonly [string, AccessOptions, string, RegExp][] = [
    ['for another service', { accountKeyFile: file }, 's3://b/p', /--account-key-file is for azure:\/\/ /],
    ['for a directory', { credentialsFile: file }, 'file:///p', /--credentials-file is for gs:\/\/ /],
    ['half a key', { accessKeyId: 'AKID' }, 's3://b/p', /need each other/],
    ['a token without its key', { sessionTokenFile: file }, 's3://b/p', /needs --access-key-id/],
    [
      'two for Azure',
      { accountKeyFile: file, sasTokenFile: file },
      'azure://a/c/p',
      /--account-key-file and --sas-token-file exclude each other/,
    ],
  ];
  for (const [what, given, url, message] of refusals)
    test(`are refused: ${what}`, () => {
      assert.throws(() => checkAccess(given, [url]), message);
    });

  test('an empty file is no secret', async () => {
    const empty = join(directory, 'empty');
    writeFileSync(empty, '\n');
    await assert.rejects(
      accessTo('azure://a/c/p', { accountKeyFile: empty }),
      /secret file .*empty is empty/,
    );
  });
});
