import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { WalvaultError } from '../../../../src/base/errors/errors.ts';
import { Secret } from '../../../../src/base/secret.ts';
import { creationParameters } from '../../../../src/stores/s3/creation.ts';
import { contentParameters } from '../../../../src/stores/s3/parameters.ts';
import { s3OptionsOf } from '../../../../src/stores/s3/url.ts';

const wal = { objectClass: 'wal', metadata: undefined, isTransient: undefined } as const;
const key = 'A'.repeat(43) + '=';

function optionsOf(query: string, settings = {}) {
  const url = `s3://bucket/prefix${query}`;
  return s3OptionsOf(new URL(url), { url, ...settings });
}

describe('s3: what the configuration asks of the service', () => {
  it('nothing by default', () => {
    assert.deepEqual(creationParameters(optionsOf(''), wal), {});
    assert.deepEqual(contentParameters(optionsOf('')), {});
  });

  it('encryption', () => {
    const created = (query: string, settings = {}) => creationParameters(optionsOf(query, settings), wal);
    assert.deepEqual(created('?sse=s3'), { ServerSideEncryption: 'AES256' });
    assert.deepEqual(created('?sse=kms'), { ServerSideEncryption: 'aws:kms' });
    assert.deepEqual(created('?sse=dsse-kms&kms-key-id=k'), {
      ServerSideEncryption: 'aws:kms:dsse',
      SSEKMSKeyId: 'k',
    });
    const withKey = { SSECustomerAlgorithm: 'AES256', SSECustomerKey: key };
    const settings = { customerKey: new Secret(key) };
    assert.deepEqual(created('', settings), withKey);
    assert.deepEqual(contentParameters(optionsOf('', settings)), withKey);
  });

  it('storage classes by what it is, the catalogue never', () => {
    const options = optionsOf('', { storageClasses: { wal: 'STANDARD_IA', backup: 'GLACIER_IR' } });
    const classOf = (objectClass: 'wal' | 'backup' | 'catalog') =>
      creationParameters(options, { ...wal, objectClass }).StorageClass;
    assert.deepEqual(
      [classOf('wal'), classOf('backup'), classOf('catalog')],
      ['STANDARD_IA', 'GLACIER_IR', undefined],
    );
  });

  it('tags, in a form that every service reads', () => {
    const tagging = creationParameters(optionsOf('?tags=team=db%20%26%20co,env='), wal).Tagging;
    assert.equal(tagging, 'team=db%20%26%20co&env=');
  });

  it('a retention from the moment of writing, but none on what is to go at once', () => {
    const options = optionsOf('?lock=governance&lock-for=30d');
    const { ObjectLockMode, ObjectLockRetainUntilDate } = creationParameters(options, wal);
    assert.equal(ObjectLockMode, 'GOVERNANCE');
    const aheadDays = ((ObjectLockRetainUntilDate?.getTime() ?? 0) - Date.now()) / 86_400_000;
    assert(aheadDays > 29.99 && aheadDays <= 30, String(aheadDays));
    assert.deepEqual(creationParameters(options, { ...wal, isTransient: true }), {});
  });

  it('that the requester pays', () => {
    assert.deepEqual(contentParameters(optionsOf('?requester-pays=true')), { RequestPayer: 'requester' });
  });

  const mistakes: [query: string, settings: object, says: RegExp][] = [
    ['?sse=aes', {}, /has sse=aes/],
    ['?kms-key-id=k', {}, /kms-key-id without sse=kms/],
    ['?sse=s3&kms-key-id=k', {}, /kms-key-id without sse=kms/],
    ['?sse=s3', { customerKey: new Secret(key) }, /sse=s3 and a customer-key/],
    ['', { customerKey: new Secret('planted') }, /not 32 bytes in base64/],
    ['?tags=team', {}, /has tags=team/],
    ['?tags=a=1,a=2', {}, /has tags=/],
    [`?tags=${Array.from({ length: 11 }, (_, n) => `t${n}=x`).join(',')}`, {}, /has 11 tags/],
    ['?lock=compliance', {}, /half of a lock/],
    ['?lock-for=30d', {}, /half of a lock/],
    ['?lock=compliance&lock-for=30', {}, /half of a lock/],
  ];
  for (const [query, settings, says] of mistakes)
    it(`refuses ${query || 'a bad customer key'}`, () => {
      assert.throws(
        () => optionsOf(query, settings),
        (error: unknown) => {
          assert(error instanceof WalvaultError);
          assert.equal(error.code, 'config');
          assert.match(error.message, says);
          assert.doesNotMatch(error.message + (error.hint ?? ''), /planted|AAAA/);
          return true;
        },
      );
    });
});
