import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, readlinkSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { collect, streamOf } from '../../../../src/base/bytes/streams.ts';
import {
  readTar,
  tarHeader,
  tarPadding,
  tarTrailer,
  type TarEntry,
} from '../../../../src/pipeline/tar/index.ts';
import { run, runOk } from '../../../support/site/run.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';
import { everything, inChunks, sampleBytes } from '../../../support/streams.ts';

const damaged = { name: 'WalvaultError', code: 'damaged' };
const plainFile: TarEntry = {
  path: 'base/1/1259',
  type: 'file',
  sizeBytes: 0,
  mode: 0o600,
  mtimeMs: 1_700_000_000_000,
};

function member(entry: Partial<TarEntry>, content: Uint8Array = Buffer.alloc(0)): Buffer {
  const whole = { ...plainFile, sizeBytes: content.length, ...entry };
  return Buffer.concat([tarHeader(whole), content, tarPadding(content.length)]);
}

async function readAll(archive: Uint8Array, chunkBytes = 65_536) {
  const found: { entry: TarEntry; content: Buffer }[] = [];
  for await (const { entry, content } of readTar(inChunks(archive, chunkBytes)))
    found.push({ entry, content: await collect(content, everything) });
  return found;
}

const longPath = `pg_tblspc/16400/${'d'.repeat(90)}/${'f'.repeat(150)}`;

test('tar: GNU tar unpacks files, directories, links, long and non-ASCII names', async () => {
  const content = sampleBytes(1000);
  const archive = Buffer.concat([
    member({ path: 'base', type: 'directory', mode: 0o700 }),
    member({ path: 'base/empty' }),
    member({ path: 'base/full', mode: 0o640 }, content),
    member({ path: 'base/ünïcode ☃' }, content),
    member({ path: longPath }, content),
    member({ path: 'link', type: 'symlink', linkTarget: `/elsewhere/${'x'.repeat(120)}` }),
    tarTrailer,
  ]);
  const directory = temporaryDirectory('tar');
  const { stderr } = await runOk('tar', ['-xp', '-C', directory], { input: archive });
  assert.equal(stderr, '');
  assert.deepEqual(readFileSync(join(directory, 'base/full')), content);
  assert.equal(statSync(join(directory, 'base/full')).mode & 0o777, 0o640);
  assert.equal(statSync(join(directory, 'base/full')).mtimeMs, plainFile.mtimeMs);
  assert.equal(statSync(join(directory, 'base')).mode & 0o777, 0o700);
  assert.deepEqual(readFileSync(join(directory, 'base/ünïcode ☃')), content);
  assert.deepEqual(readFileSync(join(directory, longPath)), content);
  assert.equal(readlinkSync(join(directory, 'link')), `/elsewhere/${'x'.repeat(120)}`);
});

test('tar: GNU tar sees sizes of 8 GiB and more, and large owner ids', async () => {
  const sizeBytes = 9 * 1024 ** 3 + 5;
  const header = tarHeader({ ...plainFile, sizeBytes, uid: 4_000_000_000, gid: 3_000_000_000 });
  const { stdout } = await run('tar', ['-tv', '--numeric-owner'], { input: header });
  assert.match(stdout, /4000000000\/3000000000 9663676421 .* base\/1\/1259/);
  const reading = readTar(streamOf(header));
  const first = await reading.next();
  assert.ok(first.done !== true);
  assert.equal(first.value.entry.sizeBytes, sizeBytes);
  assert.equal(first.value.entry.uid, 4_000_000_000);
});

test('tar: what GNU tar writes is read, in all three formats', async () => {
  const directory = temporaryDirectory('tar', { keepOwner: true });
  const content = sampleBytes(70_000);
  mkdirSync(join(directory, 'sub', 'd'.repeat(95)), { recursive: true });
  writeFileSync(join(directory, 'sub', 'ä'), content);
  writeFileSync(join(directory, 'sub', 'd'.repeat(95), 'e'.repeat(90)), content);
  symlinkSync('t'.repeat(110), join(directory, 'sub', 'link'));
  for (const format of ['gnu', 'posix', 'ustar']) {
    const extra = format === 'ustar' ? ['--exclude=link'] : [];
    const args = [`--format=${format}`, ...extra, '-C', directory, '-c', 'sub'];
    const { stdoutBytes } = await runOk('tar', args, { as: 'self' });
    const found = await readAll(stdoutBytes, 1000);
    const paths = new Map(found.map(({ entry, content }) => [entry.path, { entry, content }]));
    assert.deepEqual(paths.get('sub/ä')?.content, content, format);
    assert.deepEqual(paths.get(`sub/${'d'.repeat(95)}/${'e'.repeat(90)}`)?.content, content, format);
    assert.equal(paths.get('sub')?.entry.type, 'directory');
    if (format !== 'ustar') assert.equal(paths.get('sub/link')?.entry.linkTarget, 't'.repeat(110));
  }
});

test('tar: a base-256 size is read', async () => {
  const header = tarHeader({ ...plainFile, sizeBytes: 0 });
  header.fill(0, 124, 136);
  header.writeUInt8(0x80, 124);
  header.writeUInt32BE(3, 132);
  const [found] = await readAll(
    Buffer.concat([rechecked(header), Buffer.from('abc'), tarPadding(3), tarTrailer]),
  );
  assert.equal(found?.content.toString(), 'abc');
});

for (const path of ['/etc/passwd', '../up', 'a/../../b', 'a/..', '.', './a', 'a//b', '', 'a\0b']) {
  test(`tar: the path ${JSON.stringify(path)} is refused, also from a pax header`, async () => {
    await assert.rejects(readAll(Buffer.concat([member({ path }), tarTrailer])), damaged);
    const long = `${path}/${'x'.repeat(200)}`;
    if (path.includes('\0') || path !== 'a/..')
      await assert.rejects(readAll(Buffer.concat([member({ path: long }), tarTrailer])), damaged);
  });
}

test('tar: hard links, devices, fifos and sparse files are refused', async () => {
  for (const type of ['1', '3', '4', '6', '7', 'S', 'g']) {
    const header = tarHeader(plainFile);
    header.write(type, 156, 'latin1');
    await assert.rejects(readAll(Buffer.concat([rechecked(header), tarTrailer])), damaged, type);
  }
});

test('tar: a directory or link with bytes is refused', async () => {
  const header = tarHeader({ ...plainFile, sizeBytes: 512 });
  header.write('5', 156, 'latin1');
  await assert.rejects(
    readAll(Buffer.concat([rechecked(header), Buffer.alloc(512, 1), tarTrailer])),
    damaged,
  );
});

test('tar: an extended header is bounded', async () => {
  const header = tarHeader({ ...plainFile, sizeBytes: 100_000 });
  header.write('x', 156, 'latin1');
  await assert.rejects(readAll(Buffer.concat([rechecked(header), Buffer.alloc(100_352), tarTrailer])), {
    ...damaged,
    message: /extended header/,
  });
});

test('tar: malformed pax records are refused', async () => {
  for (const records of ['5 a=\n', '99 path=x\n', '12 path=x\n', 'x path=y\n', '9 size=x\n', '5 =b\n', '7']) {
    const data = Buffer.from(records);
    const header = tarHeader({ ...plainFile, sizeBytes: data.length });
    header.write('x', 156, 'latin1');
    const archive = [rechecked(header), data, tarPadding(data.length), member({}), tarTrailer];
    const isHarmless = records === '5 a=\n';
    if (isHarmless) assert.equal((await readAll(Buffer.concat(archive))).length, 1);
    else await assert.rejects(readAll(Buffer.concat(archive)), damaged, records);
  }
});

test('tar: an archive without its end, or with data behind it, is damaged', async () => {
  const archive = Buffer.concat([member({}, sampleBytes(700)), tarTrailer]);
  for (let length = 0; length < archive.length; length += 100)
    await assert.rejects(readAll(archive.subarray(0, length)), damaged, `cut at ${length}`);
  await assert.rejects(readAll(Buffer.concat([archive, Buffer.from('more')])), damaged);
  assert.equal((await readAll(Buffer.concat([archive, Buffer.alloc(9 * 1024)]))).length, 1);
});

test('tar: data in the padding is damaged', async () => {
  const archive = Buffer.concat([member({}, Buffer.from('abc')), tarTrailer]);
  archive.writeUInt8(1, 512 + 100);
  await assert.rejects(readAll(archive), damaged);
});

test('tar: asking for the next member before this one was read is a mistake of ours', async () => {
  const archive = Buffer.concat([member({}, Buffer.from('abc')), tarTrailer]);
  const reading = readTar(streamOf(archive));
  await reading.next();
  await assert.rejects(reading.next(), { code: 'internal' });
});

test('tar: what no tar writes is damaged', async () => {
  const changed = (change: (header: Buffer) => void) => {
    const header = Buffer.from(tarHeader(plainFile));
    change(header);
    return rechecked(header);
  };
  const pax = Buffer.from('9 path=x\n');
  const paxHeader = rechecked(
    Buffer.from(tarHeader({ ...plainFile, sizeBytes: pax.length })).fill('x', 156, 157),
  );
  const link = Buffer.from('16 linkpath=a\0b\n');
  const linkHeader = rechecked(
    Buffer.from(tarHeader({ ...plainFile, sizeBytes: link.length })).fill('x', 156, 157),
  );
  for (const [what, blocks] of Object.entries({
    'a zero block between members': [member({}), Buffer.alloc(512), member({ path: 'x' })],
    'an extended header of no member': [member({}), paxHeader, pax, tarPadding(pax.length)],
    'a link target with a zero': [
      ...[linkHeader, link, tarPadding(link.length)],
      member({ type: 'symlink', linkTarget: 'a' }),
    ],
    'a header with a wrong checksum': [Buffer.from(tarHeader(plainFile)).fill('9', 148, 149)],
    'a header that is not ustar': [changed(header => header.fill('x', 257, 262))],
    'a field that is not a number': [changed(header => header.fill('z', 124, 135))],
    'a size that no number can be': [changed(header => header.fill(0xff, 124, 136).fill(0x80, 124, 125))],
  }))
    await assert.rejects(readAll(Buffer.concat([...blocks, tarTrailer])), damaged, what);
});

test('tar: an extended header is of the next member alone', async () => {
  const archive = Buffer.concat([member({ path: longPath }), member({ path: 'short' }), tarTrailer]);
  assert.deepEqual(
    (await readAll(archive)).map(({ entry: { path } }) => path),
    [longPath, 'short'],
  );
});

function rechecked(header: Buffer): Buffer {
  header.fill(0x20, 148, 156);
  const sum = header.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}
