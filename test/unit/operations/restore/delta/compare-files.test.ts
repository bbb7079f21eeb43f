import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { linkSync, mkdirSync, openSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'vitest';
import { compareFiles, type KnownPages } from '../../../../../src/operations/restore/delta/compare-files.ts';
import { PageBuffer } from '../../../../../src/postgres/cluster/page-buffer.ts';
import { PageDigester } from '../../../../../src/postgres/cluster/page-digests.ts';
import { EntrySpool } from '../../../../../src/repository/backup/entry-spool.ts';
import { HostSecret } from '../../../../../src/repository/encoding/host-secret.ts';
import { pageDigestKey } from '../../../../../src/repository/encoding/page-digest-key.ts';
import type { ManifestEntry } from '../../../../../src/repository/format/manifest.ts';
import type { Repository } from '../../../../../src/repository/repository.ts';
import { system } from '../../../../support/site/archive.ts';
import { temporaryDirectory } from '../../../../support/site/temp.ts';

const secret = new HostSecret(Buffer.alloc(32, 3));
const blockSizeBytes = 8192;
const mebibyte = 1024 ** 2;

interface Wanted {
  readonly path: string;
  /** What the backup has; what is there is made by the test. */
  readonly content: Buffer;
  readonly hasPages?: boolean;
}

async function compared(directory: string, wanted: readonly Wanted[], own: HostSecret | undefined = secret) {
  const spoolDirectory = temporaryDirectory('spool', { keepOwner: true });
  await using spool = await EntrySpool.open(spoolDirectory);
  const pages: (KnownPages | undefined)[] = [];
  for (const [index, { path, content, hasPages = false }] of wanted.entries()) {
    const isPart = path.includes('INCREMENTAL.');
    const sha256 = createHash('sha256').update(content).digest('hex');
    const entry: ManifestEntry = {
      ...{ path, type: 'file', mode: 0o600, mtimeMs: 5, part: 1 },
      ...(isPart ? { sizeBytes: 1, sha256: '0'.repeat(64) } : { sizeBytes: content.length, sha256 }),
    };
    await spool.add(1, entry);
    const digestsPath = join(spoolDirectory, String(index));
    if (hasPages) writeFileSync(digestsPath, digestsOf(content));
    pages.push(
      hasPages
        ? {
            ...{ fd: openSync(digestsPath, 'r'), position: 0, pageCount: content.length / blockSizeBytes },
            blockSizeBytes: isPart ? blockSizeBytes : undefined,
          }
        : undefined,
    );
  }
  await spool.flush();
  const repository = {
    codec: { keyring: { hostSecret: () => Promise.resolve(own) } },
  } as unknown as Repository;
  const job = {
    ...{ system, entries: spool.entriesOf(1), pages, accessMode: undefined },
    places: { dataDirectory: directory, tablespaces: [] },
  };
  return await compareFiles(repository, job, {
    onRead: () => undefined,
    signal: new AbortController().signal,
  });
}

function digestsOf(content: Buffer): Uint8Array {
  const buffer = new PageBuffer(content.length);
  content.copy(buffer.bytes);
  const digester = new PageDigester({ blockSizeBytes, key: pageDigestKey(secret, system) });
  digester.add({ buffer, start: 0, end: content.length });
  return Uint8Array.from(digester.finish().digests);
}

function there(directory: string, path: string, content: Buffer): void {
  mkdirSync(dirname(join(directory, path)), { recursive: true });
  writeFileSync(join(directory, path), content, { mode: 0o600 });
}

/** Pages that are all different. */
function pagesOf(count: number): Buffer {
  const content = Buffer.alloc(count * blockSizeBytes);
  for (let page = 0; page < count; page++) content.writeUInt32LE(page + 1, page * blockSizeBytes);
  return content;
}

const changed = (content: Buffer, at: number) => {
  const other = Buffer.from(content);
  other[at] = (other[at] ?? 0) ^ 1;
  return other;
};

describe('the comparison of a directory with a backup', () => {
  it('finds each single byte, by SHA-256 and by the digests of pages, in files of all sizes', async () => {
    const directory = temporaryDirectory('compare', { keepOwner: true });
    for (const count of [1, 64, 65, 128, 129, 300])
      for (const hasPages of [false, true]) {
        const content = pagesOf(count);
        const wanted = [{ path: 'base/5/16384', content, hasPages }];
        there(directory, 'base/5/16384', content);
        assert.deepEqual([...(await compared(directory, wanted)).isSame], [1], `${count} ${hasPages}`);
        for (const at of [0, content.length - 1, Math.floor(content.length / 2)]) {
          there(directory, 'base/5/16384', changed(content, at));
          assert.deepEqual(
            [...(await compared(directory, wanted)).isSame],
            [0],
            `${count} ${hasPages} ${at}`,
          );
        }
        there(directory, 'base/5/16384', Buffer.concat([content, Buffer.alloc(blockSizeBytes)]));
        assert.deepEqual([...(await compared(directory, wanted)).isSame], [0], 'longer');
      }
  });

  it('side by side keeps files apart', async () => {
    const directory = temporaryDirectory('compare', { keepOwner: true });
    const contents = [1, 2, 3, 4].map(fill => Buffer.alloc(2 * mebibyte, fill));
    for (const [index, content] of contents.entries()) there(directory, `base/5/${index + 1}`, content);
    const results = await Promise.all(
      contents.map((content, index) => compared(directory, [{ path: `base/5/${index + 1}`, content }])),
    );
    assert.deepEqual(
      results.map(({ isSame }) => isSame[0]),
      [1, 1, 1, 1],
    );
  });

  it('knows a file that several backups make by its pages alone, and tells its SHA-256', async () => {
    const directory = temporaryDirectory('compare', { keepOwner: true });
    const content = pagesOf(130);
    there(directory, 'base/5/16384', content);
    const wanted = { path: 'base/5/INCREMENTAL.16384', content, hasPages: true };
    const { isSame, made } = await compared(directory, [wanted]);
    assert.deepEqual([...isSame], [1]);
    const sha256 = createHash('sha256').update(content).digest('hex');
    assert.deepEqual(made, [{ path: 'base/5/16384', mtimeMs: 5, sizeBytes: content.length, sha256 }]);
    // Without the secret, or the digests, nothing is known of it.
    assert.deepEqual([...(await compared(directory, [wanted], otherSecret())).isSame], [0]);
    assert.deepEqual([...(await compared(directory, [{ ...wanted, hasPages: false }])).isSame], [0]);
  });

  it('takes neither links nor pipes nor files with another name, and gives no mode to these', async () => {
    const directory = temporaryDirectory('compare', { keepOwner: true });
    const content = Buffer.from('same');
    const outside = join(temporaryDirectory('outside', { keepOwner: true }), 'file');
    writeFileSync(outside, content, { mode: 0o644 });
    there(directory, 'twice', content);
    linkSync(join(directory, 'twice'), `${outside}2`);
    symlinkSync(outside, join(directory, 'link'));
    execFileSync('mkfifo', [join(directory, 'pipe')]);
    mkdirSync(join(directory, 'tree'));
    const paths = ['twice', 'link', 'pipe', 'tree', 'missing'];
    const { isSame, sizesBytes } = await compared(
      directory,
      paths.map(path => ({ path, content })),
    );
    assert.deepEqual([...isSame], [0, 0, 0, 0, 0]);
    assert.deepEqual([...sizesBytes], [0, 0, 0, 0, 0]);
    assert.equal(statSync(outside).mode & 0o777, 0o644);
  });

  it('gives a file that is the same its mode, and touches it no more', async () => {
    const directory = temporaryDirectory('compare', { keepOwner: true });
    const content = Buffer.from('same');
    there(directory, 'right', content);
    writeFileSync(join(directory, 'open'), content, { mode: 0o644 });
    const before = statSync(join(directory, 'right'));
    await compared(
      directory,
      ['right', 'open'].map(path => ({ path, content })),
    );
    assert.equal(statSync(join(directory, 'open')).mode & 0o777, 0o600);
    const after = statSync(join(directory, 'right'));
    assert.deepEqual([after.ctimeMs, after.mtimeMs, after.ino], [before.ctimeMs, before.mtimeMs, before.ino]);
  });
});

function otherSecret(): HostSecret {
  return new HostSecret(Buffer.alloc(32, 4));
}
