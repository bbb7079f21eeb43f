import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, test } from 'vitest';
import { collect, streamOf } from '../../../../src/base/bytes/streams.ts';
import { WalvaultError } from '../../../../src/base/errors/errors.ts';
import { silentLog } from '../../../support/logs.ts';
import type { Log } from '../../../../src/observe/events/events.ts';
import { verifyManifest, type VerifiedManifest } from '../../../../src/repository/backup/manifest-spool.ts';
import { placeOf, waitingControlFilePath, type Places } from '../../../../src/operations/restore/places.ts';
import { unpackPart } from '../../../../src/operations/restore/unpack-part.ts';
import { unpack, type PartUnpacker } from '../../../../src/operations/restore/unpack.ts';
import { tarHeader, tarPadding, tarTrailer, type TarEntry } from '../../../../src/pipeline/tar/index.ts';
import { compressZstd } from '../../../../src/pipeline/zstd/streaming.ts';
import type { BackupPart, BackupRecord } from '../../../../src/repository/format/backup-record.ts';
import { sha256Hex } from '../../../../src/repository/format/json-object.ts';
import { backupPrefix } from '../../../../src/repository/format/layout.ts';
import { encodeManifest, type ManifestEntry } from '../../../../src/repository/format/manifest.ts';
import type { Repository } from '../../../../src/repository/repository.ts';
import { withMethods } from '../../../../src/stores/methods.ts';
import { createMemoryStore } from '../../../../src/stores/memory/store.ts';
import type { Store } from '../../../../src/stores/store.ts';
import { makeRepository, signal, system } from '../../../support/site/archive.ts';
import { paddedBomb } from '../../../support/hostile/bombs.ts';
import { recordSteps, stopRecording, type RecordedSteps } from '../../../support/faults/recorded-steps.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

interface Member {
  readonly path: string;
  readonly text?: string;
  readonly header?: Partial<TarEntry>;
}

interface Made {
  /** Each a part; the last is looked up in any order. */
  readonly parts: readonly (readonly Member[])[];
  /** The manifest, sorted here; default: what the parts hold. */
  readonly entries?: (true_: readonly ManifestEntry[]) => readonly ManifestEntry[];
  /** The manifest's very lines. */
  readonly lines?: (text: string) => string;
  readonly record?: (record: BackupRecord) => BackupRecord;
  /** What somebody has put in the place of the first part. */
  readonly planted?: (data: Buffer) => Buffer;
  readonly unpacker?: PartUnpacker;
  readonly log?: Log;
  readonly tablespaces?: Places['tablespaces'];
  readonly seen?: (manifest: VerifiedManifest) => void | Promise<void>;
  readonly leavesOut?: (path: string) => boolean;
}

const id = '20261122T020000Z-full-3f2a91';
const essentials: readonly Member[] = [
  { path: 'global/pg_control', text: 'control' },
  { path: 'backup_label', text: 'label' },
  { path: 'PG_VERSION', text: '15\n' },
];

async function zip(data: Uint8Array): Promise<Buffer> {
  return collect(compressZstd({ level: 1 })(streamOf(data)), 1e8);
}

function tarOf(members: readonly Member[]): Buffer {
  const blocks = members.flatMap(({ path, text = '', header }) => {
    const data = Buffer.from(text);
    const entry: TarEntry = {
      path,
      type: 'file',
      sizeBytes: data.length,
      mode: 0o600,
      mtimeMs: 0,
      ...header,
    };
    return [tarHeader(entry), data, tarPadding(data.length)];
  });
  return Buffer.concat([...blocks, tarTrailer]);
}

function entriesOf(parts: Made['parts']): ManifestEntry[] {
  return parts.flatMap((members, index) =>
    members.map(({ path, text = '' }) => ({
      path,
      type: 'file' as const,
      sizeBytes: text.length,
      mode: 0o640,
      mtimeMs: 0,
      sha256: sha256Hex(Buffer.from(text)),
      part: index + 1,
    })),
  );
}

interface Stored {
  readonly plain: Uint8Array;
  readonly planted?: Made['planted'];
}

async function store(repository: Repository, name: string, { plain, planted }: Stored) {
  const data = await zip(plain);
  await repository.store.put(`${backupPrefix(system, id)}${name}`, [planted?.(data) ?? data], {
    ifAbsent: true,
    objectClass: 'backup',
    signal,
  });
  const plainSizeBytes = plain.length;
  return { name, storedSizeBytes: data.length, storedSha256: sha256Hex(data), plainSizeBytes };
}

/** Keys of bodies that somebody has begun to read and not let go of: files and connections of a real store. */
const held = new Set<string>();

function watched(store: Store): Store {
  return withMethods(store, {
    async get(key, options) {
      const { stat, body } = await store.get(key, options);
      async function* watchedBody() {
        held.add(key);
        try {
          yield* body;
        } finally {
          held.delete(key);
        }
      }
      return { stat, body: watchedBody() };
    },
  });
}

/** Stores the backup and unpacks it; the result is where. */
async function unpackMade(
  made: Made,
  onStart: (directory: string) => void = () => undefined,
): Promise<string> {
  const repository = await makeRepository({ store: watched(createMemoryStore()) });
  const parts: BackupPart[] = [];
  for (const [index, members] of made.parts.entries())
    parts.push({
      number: index + 1,
      ...(await store(repository, `parts/00000${index + 1}.tar.zst`, {
        plain: tarOf(members),
        ...(index === 0 && { planted: made.planted }),
      })),
    });
  const real = entriesOf(made.parts);
  const entries = [...(made.entries?.(real) ?? real)].toSorted((a, b) => (a.path < b.path ? -1 : 1));
  const text = (await collect(encodeManifest(id, entries), 1e8)).toString();
  const plain = Buffer.from(made.lines?.(text) ?? text);
  const manifest = await store(repository, 'manifest.ndjson.zst', { plain });
  const genuine = { id, parts, manifest } as unknown as BackupRecord;
  const record = made.record?.(genuine) ?? genuine;
  const root = temporaryDirectory('unpack', { keepOwner: true });
  const data = join(root, 'data');
  mkdirSync(data);
  onStart(data);
  const { leavesOut } = made;
  const source = { repository, system, record, leavesOut, spoolDirectory: data, signal };
  await using verified = await verifyManifest(source);
  await made.seen?.(verified);
  await unpack({
    repository,
    system,
    record,
    manifest: verified,
    places: { dataDirectory: data, tablespaces: made.tablespaces ?? [] },
    accessMode: undefined,
    unpacker: made.unpacker ?? { jobs: 2, unpack: unpackPart },
    log: made.log ?? silentLog,
    signal,
  });
  assert.deepEqual(readdirSync(root), ['data']);
  return data;
}

async function refuses(made: Made, says: RegExp): Promise<void> {
  await assert.rejects(unpackMade(made), (error: unknown) => {
    assert.ok(error instanceof WalvaultError, String(error));
    assert.equal(error.code, 'damaged', error.message);
    assert.match(error.message, says);
    return true;
  });
  assert.deepEqual([...held], []);
}

const base: readonly Member[] = [
  { path: 'base/1/100', text: 'a'.repeat(5000) },
  { path: 'base/1/101', text: '' },
];
const directory = (path: string, mode = 0o700): ManifestEntry => ({
  path,
  type: 'directory',
  sizeBytes: 0,
  mode,
  mtimeMs: 0,
});

test('files and directories come out as the manifest says', async () => {
  const data = await unpackMade({
    parts: [base, essentials],
    entries: real => [...real, directory('base'), directory('base/1', 0o750), directory('pg_wal', 0)],
  });
  assert.equal(readFileSync(join(data, 'base/1/100'), 'utf8'), 'a'.repeat(5000));
  assert.equal(statSync(join(data, 'base/1/101')).size, 0);
  assert.equal(statSync(join(data, 'base/1/100')).mode & 0o777, 0o640);
  assert.equal(statSync(join(data, 'base/1')).mode & 0o777, 0o750);
  assert.equal(statSync(join(data, 'pg_wal')).mode & 0o777, 0o700);
  assert.equal(statSync(join(data, 'global')).mode & 0o777, 0o700, 'one that the manifest does not name');
  assert.deepEqual(readdirSync(data).toSorted(), ['PG_VERSION', 'backup_label', 'base', 'global', 'pg_wal']);
});

test('a tablespace has its files in its directory, and its bytes are counted', async () => {
  const elsewhere = temporaryDirectory('tablespace', { keepOwner: true });
  const inside = { path: 'pg_tblspc/16385/PG_15_202209061/5/16386', text: 'rows' };
  const bytes: number[] = [];
  const data = await unpackMade({
    parts: [[...base, inside, { ...inside, path: `${inside.path}.1` }], essentials],
    entries: real => [...real, directory('pg_tblspc'), directory('pg_tblspc/16385')],
    tablespaces: [{ oid: 16_385, directory: elsewhere }],
    seen: manifest => void bytes.push(manifest.tablespaceBytes(16_385), manifest.tablespaceBytes(1)),
  });
  assert.deepEqual(bytes, [8, 0]);
  assert.equal(readFileSync(join(elsewhere, 'PG_15_202209061/5/16386'), 'utf8'), 'rows');
  assert.deepEqual(readdirSync(join(data, 'pg_tblspc')), [], 'the link is made by others');
});

test('what is left out is neither written nor counted, and a part that has nothing else is not read', async () => {
  const other = [
    { path: 'base/2/100', text: 'b'.repeat(100) },
    { path: 'base/2/101', text: 'c' },
  ];
  const mixed = [{ path: 'base/1/102', text: 'kept' }, ...other.slice(1)];
  const disordered = [essentials[1], essentials[0], essentials[2]].filter(member => member !== undefined);
  const seen: unknown[] = [];
  const parts: number[] = [];
  const data = await unpackMade({
    parts: [other.slice(0, 1), [...base, ...mixed], disordered],
    leavesOut: path => path.startsWith('base/2/'),
    async seen(manifest) {
      seen.push(
        manifest.totalBytes,
        (await Array.fromAsync(manifest.leftOut())).map(({ path }) => path),
      );
    },
    unpacker: {
      jobs: 1,
      unpack(repository, job, run) {
        parts.push(job.part.number);
        return unpackPart(repository, job, run);
      },
    },
  });
  assert.deepEqual(seen, [5000 + 4 + 'controllabel15\n'.length, ['base/2/100', 'base/2/101']]);
  assert.deepEqual(parts, [2, 3]);
  assert.equal(readFileSync(join(data, 'base/1/102'), 'utf8'), 'kept');
  assert.ok(!existsSync(join(data, 'base/2')));
});

describe('what was written', () => {
  afterEach(stopRecording);
  let recorded: RecordedSteps | undefined;
  const made = { parts: [base, essentials] };
  const here = { dataDirectory: '', tablespaces: [] };

  test('is on disk when it is done, file by file', async () => {
    await unpackMade(made, directory => (recorded = recordSteps(directory)));
    assert.deepEqual(
      recorded?.steps.toSorted(),
      [...base, ...essentials].map(({ path }) => `sync ${placeOf(path, here)}`).toSorted(),
    );
  });

  for (const { path } of [...base, ...essentials])
    test(`is not done when ${path} could not be made durable`, async () => {
      const unpacked = unpackMade(
        made,
        directory => (recordSteps(directory).failSyncOf = placeOf(path, here)),
      );
      await assert.rejects(unpacked, /injected/);
    });
});

describe('parts side by side', () => {
  const parts = [base.slice(0, 1), base.slice(1), essentials];

  test('the first failure stops the others, and is told when all have ended', async () => {
    const ended: number[] = [];
    const unpacker: PartUnpacker = {
      jobs: 2,
      async unpack(_, { part: { number } }, { signal: stopped }) {
        if (number === 2) throw new WalvaultError('damaged', 'the second part');
        await new Promise(resolve => stopped.addEventListener('abort', resolve));
        await delay(20);
        ended.push(number);
        throw new WalvaultError('interrupted', 'told to stop');
      },
    };
    await assert.rejects(unpackMade({ parts, unpacker }), { code: 'damaged', message: 'the second part' });
    assert.deepEqual(ended, [1]);
  });

  test('progress adds up', async () => {
    const seen: number[] = [];
    const log: Log = {
      emit(event) {
        if (event.kind === 'progress') seen.push(event.doneBytes ?? 0);
      },
    };
    await unpackMade({ parts, log });
    assert.deepEqual(
      seen,
      seen.toSorted((a, b) => a - b),
    );
    assert.equal(
      seen.at(-1),
      parts.flat().reduce((sum, { text = '' }) => sum + text.length, 0),
    );
  });
});

test('nothing that is there already is written over, or through', async () => {
  for (const plant of [
    (path: string) => writeFileSync(path, 'mine'),
    (path: string, outside: string) => symlinkSync(outside, path),
  ]) {
    const outside = join(temporaryDirectory('outside', { keepOwner: true }), 'file');
    writeFileSync(outside, 'mine');
    let planted = '';
    const unpacked = unpackMade({ parts: [base, essentials] }, data => {
      mkdirSync(join(data, 'base/1'), { recursive: true });
      planted = join(data, 'base/1/100');
      plant(planted, outside);
    });
    await assert.rejects(unpacked, /EEXIST/);
    assert.equal(readFileSync(planted, 'utf8'), 'mine');
  }
});

describe('a hostile repository', () => {
  test('a file that the manifest does not name', () =>
    refuses(
      {
        parts: [[...base, { path: 'evil', text: 'x' }], essentials],
        entries: real => real.filter(({ path }) => path !== 'evil'),
      },
      /parts\/000001\.tar\.zst: "evil" is not in the manifest/,
    ));

  test('a file twice', () =>
    refuses(
      {
        parts: [[...base, ...base], essentials],
        entries: real => [...new Map(real.map(entry => [entry.path, entry])).values()],
      },
      /not in the manifest at this place/,
    ));

  test('a file in another part than the manifest says', () =>
    refuses(
      {
        parts: [base, essentials],
        entries: real => real.map(entry => (entry.part === 1 ? { ...entry, part: 2 } : entry)),
      },
      /not in the manifest at this place/,
    ));

  test('a file that a part lacks', () =>
    refuses(
      {
        parts: [base.slice(0, 1), essentials],
        entries: real => [...real, ...entriesOf([base.slice(1)])],
      },
      /"base\/1\/101" is missing/,
    ));

  test('other bytes of the same length', () =>
    refuses(
      {
        parts: [base, essentials],
        entries: real =>
          real.map(entry => (entry.path === 'base/1/100' ? { ...entry, sha256: '0'.repeat(64) } : entry)),
      },
      /"base\/1\/100" is not what the manifest says/,
    ));

  test('other bytes at the beginning of a part that nobody reads on', () =>
    refuses(
      {
        parts: [
          [...base, { path: 'base/1/102', text: randomBytes(2 * 1024 ** 2).toString('hex') }],
          essentials,
        ],
        entries: real =>
          real.map(entry => (entry.path === 'base/1/100' ? { ...entry, sha256: '0'.repeat(64) } : entry)),
      },
      /"base\/1\/100" is not what the manifest says/,
    ));

  test('more bytes than the manifest allows', () =>
    refuses(
      {
        parts: [base, essentials],
        entries: real =>
          real.map(entry => (entry.path === 'base/1/100' ? { ...entry, sizeBytes: 4999 } : entry)),
      },
      /"base\/1\/100" is not what the manifest says/,
    ));

  test('more bytes than the manifest allows, and the digest of those that it allows', () =>
    refuses(
      {
        parts: [base, essentials],
        entries: real =>
          real.map(entry =>
            entry.path === 'base/1/100'
              ? { ...entry, sizeBytes: 1, sha256: sha256Hex(Buffer.from('')) }
              : entry,
          ),
      },
      /"base\/1\/100" is not what the manifest says/,
    ));

  test('very many bytes more are not written before they are refused', async () => {
    let seenBytes = 0;
    const log: Log = {
      emit(event) {
        if (event.kind === 'progress') seenBytes = Math.max(seenBytes, event.doneBytes ?? 0);
      },
    };
    const large = { path: 'base/1/102', text: 'z'.repeat(8 * 1024 ** 2) };
    const short = (entry: ManifestEntry) => (entry.path === large.path ? { ...entry, sizeBytes: 1 } : entry);
    await refuses(
      { parts: [[large], essentials], entries: real => real.map(short), log },
      /"base\/1\/102" is not what the manifest says/,
    );
    assert.ok(seenBytes < 100, `${seenBytes} bytes`);
  });

  for (const changed of [{ part: 3 }, { backup: '20261101T020000Z-full-aaaaaa' }])
    test(`a file that is said to be in ${JSON.stringify(changed)}`, () =>
      refuses(
        {
          parts: [base, essentials],
          entries: real =>
            real.map(entry => (entry.path === 'base/1/100' ? { ...entry, ...changed } : entry)),
        },
        /"base\/1\/100" is in no part of the backup/,
      ));

  for (const name of essentials.map(({ path }) => path))
    test(`no ${name}`, () =>
      refuses(
        { parts: [base, essentials.filter(({ path }) => path !== name)] },
        new RegExp(`the backup has no ${name}`),
      ));

  test('a symbolic link', () =>
    refuses(
      {
        parts: [[{ path: 'base', header: { type: 'symlink', linkTarget: '/etc' } }, ...base], essentials],
        entries: real => real.filter(({ path }) => path !== 'base'),
      },
      /"base" is neither a file nor a directory/,
    ));

  for (const path of ['../escaped', '/etc/passwd', 'base/../../escaped'])
    test(`the path ${path} in the tar`, () =>
      refuses(
        {
          parts: [[{ path, text: 'x' }], essentials],
          entries: real => real.filter(entry => entry.path !== path),
        },
        /path|not in the manifest/,
      ));

  for (const path of ['../escaped', '/etc/passwd', 'base//x', './x'])
    test(`the path ${path} in the manifest`, () =>
      refuses(
        { parts: [base, essentials], lines: text => text.replace('"base/1/100"', JSON.stringify(path)) },
        /impossible path/,
      ));

  test('a file under the name that pg_control waits under', () =>
    refuses(
      { parts: [base, [...essentials, { path: waitingControlFilePath, text: 'control' }]] },
      /"global\/pg_control\.walvault-restore" is not in the manifest at this place/,
    ));

  test('two parts of one number', () =>
    refuses(
      {
        parts: [base, essentials],
        record: record => ({ ...record, parts: Array.from(record.parts, part => ({ ...part, number: 1 })) }),
        entries: real => real.map(entry => ({ ...entry, part: 1 })),
      },
      /two of its parts have one number/,
    ));

  const other = { storedSha256: '0'.repeat(64) };
  test('a part that decodes well and is not the one that was committed', () =>
    refuses(
      {
        parts: [base, essentials],
        record: record => ({
          ...record,
          parts: Array.from(record.parts, part => (part.number === 1 ? { ...part, ...other } : part)),
        }),
      },
      /000001\.tar\.zst: it is not what the commit record says/,
    ));

  test('a manifest that decodes well and is not the one that was committed', () =>
    refuses(
      {
        parts: [base, essentials],
        record: record => ({ ...record, manifest: { ...record.manifest, ...other } }),
      },
      /manifest\.ndjson\.zst: it is not what the commit record says/,
    ));

  test('a part that is longer than what was committed', () =>
    refuses(
      {
        parts: [base, essentials],
        record: record => ({
          ...record,
          parts: Array.from(record.parts, part => ({ ...part, storedSizeBytes: part.storedSizeBytes - 1 })),
        }),
      },
      /it has more than \d+ bytes/,
    ));

  test('a part of the same size that unpacks to very much', () =>
    refuses(
      {
        parts: [base, essentials],
        planted: ({ length }) => paddedBomb(2 ** 21, length),
      },
      /unpacks to more than \d+ bytes/,
    ));

  test('a part that is gone since the plan was made', () =>
    refuses(
      {
        parts: [base, essentials],
        unpacker: {
          jobs: 1,
          async unpack(repository, job, run) {
            await repository.store.delete([`${backupPrefix(system, id)}${job.part.name}`], { signal });
            return await unpackPart(repository, job, run);
          },
        },
      },
      /parts\/000001\.tar\.zst: it is missing/,
    ));

  test('a part with too many files out of order', () => {
    const files = Array.from({ length: 10_001 }, (_, index) => ({ path: `many/${index}` }));
    return refuses(
      { parts: [[...base, ...files, { path: 'last' }].reverse(), essentials] },
      /"many\/9999" is not in the manifest at this place/,
    );
  });

  for (const missing of essentials)
    test(`no ${missing.path}`, () =>
      refuses(
        { parts: [base, essentials.filter(member => member !== missing)] },
        new RegExp(`the backup has no ${missing.path}`),
      ));

  test('a manifest that ends early', () =>
    refuses(
      { parts: [base, essentials], lines: text => text.slice(0, text.lastIndexOf('{')) },
      /before its trailer/,
    ));

  test('the manifest of another backup', () =>
    refuses(
      { parts: [base, essentials], lines: text => text.replace(id, 'other') },
      /is not the manifest of/,
    ));

  test('nothing was written outside', () => assert.ok(!existsSync('/tmp/escaped')));
});
