/** Each kind of damage that docs/verify.md names, planted in a sound archive in a directory. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, renameSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { beforeAll, describe, it, test } from 'vitest';
import { readerHere } from '../../../../src/operations/verify/data-reader.ts';
import { isDamage, type Finding, type FindingKind } from '../../../../src/operations/verify/finding.ts';
import { verify } from '../../../../src/operations/verify/verify.ts';
import {
  backupPrefix,
  clusterRecordKey,
  commitRecordKey,
  historyKey,
  markerKey,
  partIndexKey,
  systemPrefix,
  walKey,
} from '../../../../src/repository/format/layout.ts';
import { signMetadata } from '../../../../src/repository/format/metadata-signature.ts';
import { decodeMetadata, encodeMetadata } from '../../../../src/repository/format/object-metadata.ts';
import { sha256Hex } from '../../../../src/repository/format/json-object.ts';
import { writeNote } from '../../../../src/repository/format/notes/note.ts';
import type { Repository } from '../../../../src/repository/repository.ts';
import { withMethods } from '../../../../src/stores/methods.ts';
import { StoreError } from '../../../../src/stores/store.ts';
import { encodeWalObject, storeWalObject } from '../../../../src/repository/wal/write-object.ts';
import {
  archiveFile,
  archiveSegment,
  geometry,
  segmentSizeBytes,
  signal,
  system,
} from '../../../support/site/archive.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';
import { silentLog } from '../../../support/logs.ts';
import {
  ArchiveFiles,
  commitMadeBackup,
  copyOf,
  fillArchive,
  makeArchiveKeys,
  makePages,
  newer,
  older,
  openArchive,
  type ArchiveKeys,
  writeIndexes,
} from '../../../support/verified-archive.ts';
import { makeSegment, plainFile, segmentFile } from '../../../support/wal/wal.ts';

const root = temporaryDirectory('verify-sound', { keepOwner: true });
let keys: ArchiveKeys;

beforeAll(async () => {
  keys = await makeArchiveKeys();
  await fillArchive(await openArchive(root, keys));
});

interface Scene {
  readonly files: ArchiveFiles;
  readonly repository: Repository;
}

interface Planted {
  readonly kind: FindingKind;
  /** How it is told in docs/verify.md, more or less. */
  readonly what: string;
  readonly plant: (scene: Scene) => Promise<void> | void;
  /** Found by reading data alone. */
  readonly needsData?: true;
  /** Only where signatures are not required. */
  readonly policy?: 'warn';
  readonly isWarning?: true;
  readonly lost?: { readonly backups?: readonly string[]; readonly windows?: number };
}

const segment = (timeline: number, number: bigint) => walKey(system, geometry.fileOf(timeline, number));
const piece = (id: string, name: string) => `${backupPrefix(system, id)}${name}`;
const notesOf = (subject: string) => `${systemPrefix(system)}catalog/notes/${subject}`;
const lostWindow = { backups: [], windows: 1 };

/** Replaces the content, with metadata that is right about it, or says `told`, and is signed by the host itself. */
async function storeSigned(
  { repository, files }: Scene,
  key: string,
  change: (data: Buffer) => Buffer,
  told: { readonly storedSizeBytes?: number } = {},
): Promise<void> {
  const stat = await repository.store.head(key, { signal });
  const metadata = decodeMetadata(stat?.metadata ?? {});
  assert.ok(metadata !== undefined);
  const data = change(files.read(key));
  const { signature: _, ...rest } = metadata;
  const stored = { storedSizeBytes: data.length, storedSha256: sha256Hex(data), ...told };
  const signed = await signMetadata(await repository.codec.keyring.signer(), key, { ...rest, ...stored });
  files.remove(key);
  await repository.store.put(key, [data], {
    ifAbsent: true,
    objectClass: 'wal',
    metadata: encodeMetadata(signed),
    signal,
  });
}

const broken = '20261124T020000Z-full-3f2a93';

const kinds: readonly Planted[] = [
  {
    kind: 'marker-missing',
    what: 'the format marker is gone',
    plant: ({ files }) => files.remove(markerKey),
  },
  {
    kind: 'marker-unreadable',
    what: 'the format marker is no JSON',
    plant: ({ files }) => files.write(markerKey, 'no'),
  },
  {
    kind: 'cluster-record-missing',
    what: 'cluster.json is gone',
    plant: ({ files }) => files.remove(clusterRecordKey(system)),
  },
  {
    kind: 'cluster-record-unreadable',
    what: 'cluster.json is cut',
    plant: ({ files }) => files.cut(clusterRecordKey(system)),
  },
  {
    kind: 'cluster-record-wrong',
    what: 'cluster.json says another segment size',
    plant: ({ files }) => {
      const key = clusterRecordKey(system);
      files.write(key, files.read(key).toString().replace('1048576', '16777216'));
    },
  },
  {
    kind: 'commit-record-unreadable',
    what: 'a commit record is cut',
    plant: ({ files }) => files.cut(commitRecordKey(system, newer)),
    lost: { backups: [newer] },
  },
  {
    kind: 'commit-record-not-believed',
    what: 'the signature of a commit record is gone',
    plant: ({ files }) => files.remove(`${commitRecordKey(system, newer)}.sig`),
    lost: { backups: [newer] },
  },
  {
    kind: 'commit-record-contradictory',
    what: 'the positions of a commit record contradict each other',
    plant: async ({ repository }) =>
      await commitMadeBackup(repository, {
        id: '20261124T020000Z-full-3f2a93',
        timeline: 2,
        from: 12n,
        record: record => ({ ...record, startLsn: record.startLsn + 8n }),
      }),
    lost: { backups: ['20261124T020000Z-full-3f2a93'] },
  },
  {
    kind: 'parent-missing',
    what: 'the backup that an incremental one builds on is gone',
    plant: async ({ repository }) =>
      await commitMadeBackup(repository, {
        id: '20261124T020000Z-incr-3f2a93',
        timeline: 2,
        from: 12n,
        record: record => ({ ...record, type: 'incremental', parent: '20261101T020000Z-full-3f2a90' }),
      }),
    lost: { backups: ['20261124T020000Z-incr-3f2a93'] },
  },
  {
    kind: 'part-missing',
    what: 'a part is gone',
    plant: ({ files }) => files.remove(piece(newer, 'parts/000001.tar.zst')),
    lost: { backups: [newer], windows: 0 },
  },
  {
    kind: 'part-wrong-size',
    what: 'a part is cut',
    plant: ({ files }) => files.cut(piece(older, 'parts/000001.tar.zst')),
    lost: { backups: [older], windows: 1 },
  },
  {
    kind: 'manifest-missing',
    what: 'a manifest is gone',
    plant: ({ files }) => files.remove(piece(newer, 'manifest.ndjson.zst')),
    lost: { backups: [newer] },
  },
  {
    kind: 'manifest-wrong-size',
    what: 'a manifest is cut',
    plant: ({ files }) => files.cut(piece(newer, 'manifest.ndjson.zst')),
    lost: { backups: [newer] },
  },
  {
    kind: 'name-map-missing',
    what: 'a name map is gone',
    plant: ({ files }) => files.remove(piece(newer, 'names.ndjson.zst')),
    isWarning: true,
  },
  {
    kind: 'name-map-wrong-size',
    what: 'a name map is cut',
    plant: ({ files }) => files.cut(piece(newer, 'names.ndjson.zst')),
    isWarning: true,
  },
  {
    kind: 'part-index-damaged',
    what: 'the index of a part is empty',
    plant: ({ files }) => {
      mkdirSync(files.path(piece(newer, 'index')));
      files.write(partIndexKey(system, newer, 1), '');
    },
    isWarning: true,
  },
  {
    kind: 'backup-wal-missing',
    what: 'a segment that makes a backup consistent is gone',
    plant: ({ files }) => files.remove(segment(2, 12n)),
    lost: { backups: [newer] },
  },
  {
    kind: 'claim-without-record',
    what: 'a commit record is gone with its signature',
    plant: ({ files }) => {
      files.remove(commitRecordKey(system, newer));
      files.remove(`${commitRecordKey(system, newer)}.sig`);
    },
    lost: { backups: [newer] },
    isWarning: true,
  },
  {
    kind: 'removal-unfinished',
    what: 'a cleanup removed a commit record and was killed',
    plant: async ({ repository, files }) => {
      await writeNote(repository, system, { subject: newer, kind: 'expiring', body: {} }, signal);
      files.remove(commitRecordKey(system, newer));
    },
    isWarning: true,
  },
  {
    kind: 'wal-gap',
    what: 'segments in the middle are gone',
    plant: ({ files }) => {
      files.remove(segment(1, 6n));
      files.remove(segment(1, 7n));
    },
    lost: lostWindow,
  },
  {
    kind: 'wal-gap',
    what: 'the newest segments are gone, which a note on the high water shows',
    plant: ({ files }) => files.remove(segment(2, 14n)),
    lost: lostWindow,
  },
  {
    kind: 'wal-empty',
    what: 'a segment is empty, as after a power cut',
    plant: ({ files }) => {
      files.remove(segment(1, 6n));
      files.write(segment(1, 6n), '');
    },
    lost: lostWindow,
  },
  {
    kind: 'wal-impossible-size',
    what: 'a segment is larger than any encoding of one',
    plant: ({ files }) => files.write(segment(1, 6n), Buffer.alloc(4 * segmentSizeBytes)),
    lost: lostWindow,
  },
  {
    kind: 'wal-impossible-name',
    what: 'a name that no segment of this size has',
    plant: ({ files }) => files.write(`${segment(1, 6n).slice(0, -24)}000000010000000000001000`, 'WAL'),
    isWarning: true,
  },
  {
    kind: 'wal-misplaced',
    what: 'a segment lies in the directory of another timeline',
    plant: ({ files }) => {
      const there = segment(2, 13n);
      renameSync(files.path(there), files.path(`${dirname(segment(1, 1n))}/${there.slice(-24)}`));
    },
    isWarning: true,
  },
  {
    kind: 'wal-conflict',
    what: 'a kept conflict',
    plant: ({ files }) =>
      files.write(`${segment(1, 6n)}.conflict.0123456789abcdef`, files.read(segment(1, 5n))),
    isWarning: true,
  },
  {
    kind: 'wal-duplicate-partials',
    what: 'two different partials of one segment',
    plant: async ({ repository }) => {
      const made = { timeline: 1, number: 9n, systemId: system.systemId, segmentSizeBytes, fill: 7 };
      await archiveFile(repository, '000000010000000000000009.partial', makeSegment(made));
    },
    isWarning: true,
  },
  {
    kind: 'wal-not-believed',
    what: 'segments that nobody trusted has signed, after the newest',
    plant: async ({ repository }) => {
      const stranger = {
        ...repository,
        codec: (await openArchive('/', keys, { keys: { signingKey: undefined } })).codec,
      };
      await archiveSegment(stranger, 2, 15n);
    },
    isWarning: true,
  },
  {
    kind: 'history-missing',
    what: 'a timeline history is gone',
    plant: ({ files }) => files.remove(historyKey(system, 2)),
    lost: lostWindow,
  },
  {
    kind: 'history-unreadable',
    what: 'a timeline history is a page of a proxy',
    plant: ({ files }) => {
      files.remove(historyKey(system, 2));
      files.write(historyKey(system, 2), '<html>502 Bad Gateway</html>');
    },
    lost: lostWindow,
  },
  {
    kind: 'history-not-believed',
    what: 'a planted history of a timeline without WAL',
    plant: ({ files }) => files.write(historyKey(system, 7), '1\t0/500000\tplanted\n'),
    isWarning: true,
  },
  {
    kind: 'split-brain',
    what: 'timeline 1 was archived on after timeline 2 left it',
    plant: async ({ repository }) => {
      await archiveSegment(repository, 1, 9n);
      await archiveSegment(repository, 1, 10n);
    },
    isWarning: true,
  },
  {
    kind: 'note-unusable',
    what: 'a note is cut',
    plant: async ({ repository, files }) => {
      await writeNote(repository, system, { subject: newer, kind: 'pin', body: {} }, signal);
      const [name] = readdirSync(files.path(notesOf(newer)));
      files.cut(`${notesOf(newer)}/${name}`);
    },
    isWarning: true,
  },
  {
    kind: 'foreign-object',
    what: 'a file that is no part of the format',
    plant: ({ files }) => files.write(`${dirname(segment(1, 6n))}/README`, 'hello'),
    isWarning: true,
  },
  {
    kind: 'wal-bytes-changed',
    what: 'a bit of a segment has flipped',
    plant: ({ files }) => files.flip(segment(1, 6n)),
    needsData: true,
    lost: lostWindow,
  },
  {
    kind: 'wal-undecodable',
    what: 'a segment is cut, and its metadata no longer belongs to it',
    plant: ({ files }) => files.cut(segment(1, 6n)),
    needsData: true,
    lost: lostWindow,
  },
  {
    kind: 'wal-undecodable',
    what: 'a segment decodes to something else than was archived',
    plant: async scene => await storeSigned(scene, segment(1, 6n), () => scene.files.read(segment(1, 5n))),
    needsData: true,
    lost: lostWindow,
  },
  {
    kind: 'wal-mislabelled',
    what: 'a segment holds the WAL of another place',
    plant: async ({ repository, files }) => {
      files.remove(segment(1, 6n));
      const other = { timeline: 1, number: 5n, systemId: system.systemId, segmentSizeBytes };
      const file = segmentFile({ ...other, number: 6n });
      const object = await encodeWalObject(repository.codec, {
        system,
        file,
        plain: plainFile(makeSegment(other)),
      });
      await storeWalObject(repository, object, signal);
    },
    needsData: true,
    lost: lostWindow,
  },
  {
    kind: 'wal-signature-bad',
    what: 'the metadata of a segment was changed, and its signature no longer fits',
    plant: ({ files }) => {
      const [sidecar = ''] = files.sidecars(segment(1, 6n));
      const text = readFileSync(sidecar, 'utf8');
      writeFileSync(sidecar, text.replace(/"writeid":\s*"[^"]*"/, '"writeid":"forged"'));
    },
    needsData: true,
    lost: lostWindow,
  },
  {
    kind: 'wal-not-believed',
    what: 'the signature of a segment in the middle is gone',
    plant: ({ files }) => {
      const [sidecar = ''] = files.sidecars(segment(1, 6n));
      const text = readFileSync(sidecar, 'utf8');
      writeFileSync(sidecar, text.replace(/,\s*"signature":\s*"[^"]*"/, ''));
    },
    needsData: true,
    lost: lostWindow,
  },
  {
    kind: 'wal-bytes-changed',
    what: 'a bit of the newest segment has flipped, and its metadata went with it',
    plant: async ({ files, repository }) => {
      await archiveSegment(repository, 2, 15n);
      files.flip(segment(2, 15n));
    },
    needsData: true,
    lost: lostWindow,
  },
  {
    kind: 'wal-wrong-size',
    what: 'a segment has another size than was stored, although its metadata is there',
    plant: async scene => await storeSigned(scene, segment(1, 6n), data => data, { storedSizeBytes: 7 }),
    needsData: true,
    lost: lostWindow,
  },
  {
    kind: 'wal-metadata-missing',
    what: 'the metadata of a segment is gone',
    plant: ({ files }) => files.sidecars(segment(1, 6n)).forEach(sidecar => rmSync(sidecar)),
    needsData: true,
    policy: 'warn',
    isWarning: true,
  },
  {
    kind: 'wal-extra-damaged',
    what: 'a bit of a backup history file has flipped',
    plant: ({ files }) => files.flip(`${segment(1, 3n)}.00000028.backup`),
    needsData: true,
    isWarning: true,
  },
  {
    kind: 'part-bytes-changed',
    what: 'a bit of a part has flipped',
    plant: ({ files }) => files.flip(piece(newer, 'parts/000001.tar.zst')),
    needsData: true,
    lost: { backups: [newer] },
  },
  {
    kind: 'part-not-as-manifest',
    what: 'a file in a part is not what the manifest says',
    plant: async ({ repository }) =>
      await commitMadeBackup(repository, {
        id: '20261124T020000Z-full-3f2a93',
        timeline: 2,
        from: 12n,
        entries: entries =>
          entries.map(entry =>
            entry.path === 'base/5/16384' ? { ...entry, sha256: 'a'.repeat(64) } : entry,
          ),
      }),
    needsData: true,
    lost: { backups: ['20261124T020000Z-full-3f2a93'] },
  },
  {
    kind: 'part-undecodable',
    what: 'a part was stored as it is, and is no archive',
    plant: async scene => await commitBroken(scene, 'parts/000001.tar.zst'),
    needsData: true,
    lost: { backups: [broken] },
  },
  {
    kind: 'manifest-damaged',
    what: 'a bit of a manifest has flipped',
    plant: ({ files }) => files.flip(piece(newer, 'manifest.ndjson.zst')),
    needsData: true,
    lost: { backups: [newer] },
  },
  {
    kind: 'name-map-damaged',
    what: 'a bit of a name map has flipped',
    plant: ({ files }) => files.flip(piece(newer, 'names.ndjson.zst')),
    needsData: true,
    isWarning: true,
  },
  {
    kind: 'part-index-damaged',
    what: 'a bit of the index of a part has flipped, and this host opens the others',
    plant: async ({ files, repository }) => {
      await writeIndexes(repository, newer);
      files.flip(partIndexKey(system, newer, 1));
    },
    needsData: true,
    isWarning: true,
  },
  {
    kind: 'part-index-damaged',
    what: 'something else lies in the place of an index',
    plant: async ({ files, repository }) => {
      await writeIndexes(repository, newer);
      files.write(partIndexKey(system, newer, 2), 'x'.repeat(500));
    },
    needsData: true,
    isWarning: true,
  },
  {
    kind: 'pages-damaged',
    what: 'a page of a relation has a wrong checksum that the backup did not tell of',
    plant: async ({ repository }) =>
      await commitMadeBackup(repository, {
        id: '20261124T020000Z-full-3f2a93',
        timeline: 2,
        from: 12n,
        pages: makePages(300, [7, 200]),
      }),
    needsData: true,
  },
  {
    kind: 'pages-damaged',
    what: 'a backup that told of a damaged page itself',
    plant: async ({ repository }) =>
      await commitMadeBackup(repository, {
        id: '20261124T020000Z-full-3f2a93',
        timeline: 2,
        from: 12n,
        pages: makePages(3, [1]),
        damaged: [{ path: 'base/5/16384', page: 1 }],
      }),
    isWarning: true,
  },
];

/** A backup whose record tells the digest of a part that never was one. */
async function commitBroken({ repository, files }: Scene, name: string): Promise<void> {
  const junk = Buffer.from('this was never compressed');
  await commitMadeBackup(repository, {
    id: broken,
    timeline: 2,
    from: 12n,
    record: record => ({
      ...record,
      parts: Array.from(record.parts, part =>
        part.name === name
          ? {
              ...part,
              storedSizeBytes: junk.length,
              storedSha256: sha256Hex(junk),
            }
          : part,
      ),
    }),
  });
  files.write(piece(broken, name), junk);
}

async function findingsIn(repository: Repository, withData: boolean): Promise<Finding[]> {
  const data = withData ? { reader: readerHere, percent: undefined, againAfterMs: 0 } : undefined;
  const [result] = await verify({
    repositories: [repository],
    all: [repository],
    cluster: system.cluster,
    systemId: undefined,
    data,
    isRepairing: false,
    now: new Date(Date.now() + 10 * 24 * 3_600_000),
    log: silentLog,
    signal,
  });
  assert.equal(result?.problem, undefined);
  return [...(result?.findings ?? []), ...(result?.systems.flatMap(({ findings }) => findings) ?? [])];
}

async function sceneOf(policy?: 'warn'): Promise<Scene> {
  const directory = copyOf(root);
  return { files: new ArchiveFiles(directory), repository: await openArchive(directory, keys, { policy }) };
}

test('a sound archive has no findings, by its listings or by its data', async () => {
  const { repository } = await sceneOf();
  assert.deepEqual(await findingsIn(repository, false), []);
  assert.deepEqual(await findingsIn(repository, true), []);
});

describe('planted damage', () => {
  for (const { kind, what, plant, needsData, policy, isWarning, lost } of kinds)
    it(`${kind}: ${what}`, async () => {
      const scene = await sceneOf(policy);
      await plant(scene);
      if (needsData === true)
        assert.deepEqual(
          (await findingsIn(scene.repository, false)).filter(isDamage).map(one => one.kind),
          [],
          'continuity does not see it',
        );
      const findings = await findingsIn(scene.repository, needsData === true);
      const found = findings.filter(one => one.kind === kind);
      assert.ok(found.length > 0, `found: ${findings.map(one => `${one.kind} ${one.problem}`).join('; ')}`);
      assert.ok(
        found.every(({ severity }) => severity === (isWarning === true ? 'warning' : 'damaged')),
        'severity',
      );
      assert.ok(
        found.every(({ remedies }) => remedies.length > 0),
        'says what would repair it',
      );
      const [first] = found;
      if (lost?.backups !== undefined) assert.deepEqual(first?.loss.backups, lost.backups);
      if (lost?.windows !== undefined) assert.equal(first?.loss.windows.length, lost.windows);
    });
});

test('every kind is planted here and named in docs/verify.md', () => {
  const docs = readFileSync(resolve(import.meta.dirname, '../../../../docs/verify.md'), 'utf8');
  const documented = [...docs.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, kind]) => kind);
  assert.deepEqual(new Set(documented), new Set(kinds.map(({ kind }) => kind)));
});

test('a repository that does not answer is told apart from a damaged one, and hides no finding of another', async () => {
  const scene = await sceneOf();
  scene.files.remove(segment(1, 6n));
  const silent = new StoreError('unreachable', 'no answer within 5.0 s');
  const away = {
    ...scene.repository,
    name: 'offsite',
    store: { ...withMethods(scene.repository.store, {}), get: () => Promise.reject(silent) },
  };
  const results = await verify({
    repositories: [away, scene.repository],
    all: [away, scene.repository],
    cluster: system.cluster,
    systemId: undefined,
    data: undefined,
    isRepairing: false,
    now: new Date(),
    log: silentLog,
    signal,
  });
  assert.deepEqual(
    results.map(({ name, problem, systems }) => [
      name,
      problem?.code,
      systems.flatMap(one => one.findings).length,
    ]),
    [
      ['offsite', 'unreachable', 0],
      ['main', undefined, 1],
    ],
  );
});

test('what nothing shows to have existed is not missed: the newest segments after the last note and backup', async () => {
  const scene = await sceneOf();
  await archiveSegment(scene.repository, 2, 15n);
  scene.files.remove(segment(2, 15n));
  assert.deepEqual(await findingsIn(scene.repository, true), []);
});
