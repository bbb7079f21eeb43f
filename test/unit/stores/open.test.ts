import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { inspect } from 'node:util';
import { describe, it } from 'vitest';
import { WalvaultError } from '../../../src/base/errors/errors.ts';
import { Secret } from '../../../src/base/secret.ts';
import { openStore } from '../../../src/stores/open.ts';
import { directoryOfUrl } from '../../../src/stores/url.ts';
import { s3OptionsOf } from '../../../src/stores/s3/url.ts';

describe('openStore', () => {
  const bad = [
    '', 'nonsense', '/var/lib/walvault', 'relative/path', 'ftp://host/x', 'memory:', 'file://host/path', 'file:///', 'file:///a?b=c',
    'file:///a%2Fb', 's3:///prefix', 's3://bucket?regoin=x', 's3://bucket?region=', 's3://bucket?region=a&region=b',
    's3://bucket/a//b', 's3://bucket/a/../..//b', 's3://bucket/%C3%A4', 's3://bucket?path-style=yes', 's3://bucket?endpoint=host:9000',
    's3://bucket?endpoint=ftp://host', 's3://bucket?part-size-mib=1', 's3://bucket?payload=none', 's3://bucket#x',
  ]; // prettier-ignore
  for (const url of bad)
    it(`refuses ${JSON.stringify(url)} in one line with a hint`, async () => {
      await assert.rejects(openStore({ url }), (error: unknown) => {
        assert(error instanceof WalvaultError);
        assert.equal(error.code, 'config');
        assert.doesNotMatch(error.message, /\n/);
        assert.match(error.hint ?? '', /\.$/);
        return true;
      });
    });

  for (const url of [
    's3://key:hunter2@bucket/prefix',
    's3://bucket?endpoint=https://key:hunter2@host',
    'https://u:hunter2@h/',
  ])
    it(`never shows the secret of ${url.replace('hunter2', '…')}`, async () => {
      await assert.rejects(openStore({ url }), (error: unknown) => {
        assert.doesNotMatch(inspect(error), /hunter2/);
        return error instanceof WalvaultError && error.code === 'config' && error.hint !== undefined;
      });
    });

  it('wants both halves of the credentials or none', async () => {
    await assert.rejects(
      openStore({ url: 's3://b?region=x', accessKeyId: new Secret('a') }),
      /half of its credentials/,
    );
  });

  it('opens a directory without looking at it', async () => {
    const store = await openStore({ url: 'file:///no/such/directory%20here' });
    assert.equal(store.url, 'file:///no/such/directory%20here');
    assert('makeDurable' in store);
  });

  it('refuses by name to read the past of what keeps none', async () => {
    for (const url of ['file:///srv/repository', 'gs://bucket/prefix', 'azure://account/container'])
      await assert.rejects(openStore({ url, readAtMs: Date.UTC(2026, 10, 22) }), (error: unknown) => {
        assert(error instanceof WalvaultError);
        // A code after which a restore tries its next repository.
        assert.equal(error.code, 'not-a-repository');
        assert.ok(error.message.startsWith(`${url}: cannot be read as it was at 2026-11-22T00:00:00.000Z`));
        return true;
      });
  });

  it('a directory loads no SDK', () => {
    const script = `
      const { openStore } = await import(${JSON.stringify(new URL('../../../src/stores/open.ts', import.meta.url).href)});
      await openStore({ url: 'file:///tmp' });
      process.stdout.write(process.getActiveResourcesInfo().length + ' ' + process.moduleLoadList.some(name => name === 'NativeModule https'));
    `;
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      encoding: 'utf8',
    });
    assert.match(output, / false$/);
  });

  it('knows the directory of a URL, for init', () => {
    assert.equal(directoryOfUrl('file:///var/lib/wal%20vault'), '/var/lib/wal vault');
    assert.equal(directoryOfUrl('s3://bucket'), undefined);
  });
});

describe('s3OptionsOf', () => {
  it('reads all parameters', () => {
    const url =
      's3://bucket/a/b/?region=eu-central-1&endpoint=https://s3.example.com:9000&path-style=true&payload=signed&conditional-create=none&part-size-mib=16';
    const options = s3OptionsOf(new URL(url), { url, timeoutMs: 7, verifyTls: false, caFile: '/ca.pem' });
    const { bucket, prefix, region, endpoint, pathStyle, payload, conditionalCreate, partSizeBytes } =
      options;
    assert.deepEqual(
      { bucket, prefix, region, endpoint, pathStyle, payload, conditionalCreate, partSizeBytes },
      {
        bucket: 'bucket', prefix: 'a/b', region: 'eu-central-1', endpoint: 'https://s3.example.com:9000', pathStyle: true,
        payload: 'signed', conditionalCreate: 'none', partSizeBytes: 16 * 1024 * 1024,
      }, // prettier-ignore
    );
    assert.equal(options.timeoutMs, 7);
    assert.equal(options.verifyTls, false);
    assert.equal(options.caFile, '/ca.pem');
  });

  it('takes a bucket alone', () => {
    const options = s3OptionsOf(new URL('s3://bucket'), { url: 's3://bucket' });
    assert.equal(options.prefix, '');
    assert.equal(options.pathStyle, false);
    assert.equal(options.credentials, undefined);
  });
});
