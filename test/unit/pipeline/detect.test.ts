import assert from 'node:assert/strict';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { test } from 'vitest';
import { detectFormat, detectLengthBytes } from '../../../src/pipeline/detect.ts';
import { createEncryptor } from '../../../src/pipeline/openpgp/index.ts';
import { Secret } from '../../../src/base/secret.ts';
import { through } from '../../support/streams.ts';
import { run } from '../../support/site/run.ts';

test('detect: each format by its own first bytes', async () => {
  const data = Buffer.from('some text, some text, some text');
  assert.equal(detectFormat(zstdCompressSync(data)), 'zstd');
  assert.equal(detectFormat(gzipSync(data)), 'gzip');
  assert.equal(detectFormat(Buffer.of(0x04, 0x22, 0x4d, 0x18)), 'lz4');
  assert.equal(detectFormat(Buffer.of(0x50, 0x2a, 0x4d, 0x18)), 'zstd');
  const encryptor = await createEncryptor({ passphrase: new Secret('x') });
  const encryption = await encryptor.start('k');
  const message = await through(source => encryption.apply(source), data);
  assert.equal(detectFormat(message.subarray(0, detectLengthBytes)), 'openpgp');
  // It lists the packets and fails, for want of the passphrase.
  const { stdout } = await run('gpg', ['--homedir', '/nonexistent', '--batch', '--list-packets'], {
    input: message,
  });
  assert.match(stdout, /symkey enc packet: version 4, cipher 9/);
});

test('detect: OpenPGP in old and new header forms, with every length form', () => {
  for (const start of [
    [0x84, 94, 3],
    [0x85, 1, 12, 3],
    [0x86, 0, 0, 1, 12, 3],
    [0xc1, 94, 3],
    [0xc1, 0xc0, 76, 3],
    [0x8c, 13, 4],
    [0xd2, 0xff, 0, 0, 0, 80, 1],
    [0xd2, 0xf4, 1],
    [0xa4, 40],
  ])
    assert.equal(detectFormat(Buffer.from(start)), 'openpgp', start.join(' '));
});

test('detect: plain WAL, histories, nothing at all', () => {
  // XLOG_PAGE_MAGIC of 13 and 18, little-endian, as a segment's first bytes.
  assert.equal(detectFormat(Buffer.of(0x06, 0xd1, 0x07, 0, 1, 0, 0, 0)), 'plain');
  assert.equal(detectFormat(Buffer.of(0x18, 0xd1, 0x07, 0, 1, 0, 0, 0)), 'plain');
  assert.equal(detectFormat(Buffer.from('1\t0/3000000\tno recovery target specified\n')), 'plain');
  assert.equal(detectFormat(Buffer.alloc(0)), 'plain');
  assert.equal(detectFormat(Buffer.of(0x84)), 'plain');
});
