/** The small JSON objects of a repository: marker, cluster record, commit records, claims, notes. */
import { createHash } from 'node:crypto';
import { WalGeometry } from '../../../../../src/postgres/wal/geometry.ts';
import type { Repository } from '../../../../../src/repository/repository.ts';
import { readCatalog } from '../../../../../src/repository/format/catalog.ts';
import { isBackupId } from '../../../../../src/repository/format/backup-record.ts';
import { readParentClaim } from '../../../../../src/repository/format/claim.ts';
import { readClusterRecord } from '../../../../../src/repository/format/cluster-record.ts';
import {
  claimKey,
  clusterRecordKey,
  markerKey,
  signatureKey,
} from '../../../../../src/repository/format/layout.ts';
import { verifyMarker } from '../../../../../src/repository/format/marker.ts';
import { surveySystem } from '../../../../../src/repository/survey.ts';
import { createMemoryStore } from '../../../../../src/stores/memory/store.ts';
import { signal, system } from '../../../site/archive.ts';
import { readerCodec, vectorsOf, type Vector } from '../../../vectors/vector.ts';
import { goldenObjects } from '../golden.ts';
import type { Random } from '../random.ts';
import type { FuzzTarget } from '../target.ts';

/** A repository with this one object, with the signature of an original beside it or without, under any policy. */
async function repositoryOf(
  key: string,
  input: Buffer,
  { random, signature }: { readonly random: Random; readonly signature?: Buffer | undefined },
): Promise<Repository> {
  const store = createMemoryStore();
  const put = (name: string, data: Buffer) =>
    store.put(name, [data], { ifAbsent: true, objectClass: 'catalog', sizeBytes: data.length, signal });
  await put(key, input);
  if (signature !== undefined) await put(signatureKey(key), signature);
  return {
    name: 'main',
    required: true,
    expectedId: undefined,
    store,
    codec: random.pick(codecs),
  };
}

const codecs = (['require', 'warn', 'off'] as const).map(readerCodec);

const digestOf = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');

/** What has a good signature must be, byte for byte, what was signed. */
function requireOriginal(status: string, input: Buffer, originals: readonly Vector[]): void {
  if (status === 'good' && !originals.some(({ body }) => digestOf(body) === digestOf(input)))
    throw new Error('a changed object has a good signature');
}

export const record: FuzzTarget = {
  name: 'record',
  reads: 'the commit record of a backup',
  parsers: [
    'repository/format/backup-record-json.ts#decodeBackupRecord',
    'repository/format/catalog.ts#readCatalog',
    'repository/format/fields.ts#parseFields',
    'repository/format/geometry-field.ts#readGeometry',
    'repository/format/json-object.ts#readSmallObject',
    'repository/format/json-object.ts#readVerdict',
  ],
  open() {
    const originals = vectorsOf('backup-record');
    return Promise.resolve({
      form: 'json',
      corpus: [...originals.map(({ body }) => body), ...goldenObjects(/catalog\/backups\/[^/]+\.json$/)],
      async parse(input, { random }) {
        const { key, signature } = random.pick(originals);
        const repository = await repositoryOf(key, input, { random, signature });
        const { backups, unreadable } = await readCatalog(repository, system, signal);
        if (backups.length + unreadable.length !== 1) throw new Error('the record is lost');
        for (const { verdict } of backups) requireOriginal(verdict.status, input, originals);
        await lookAtAll(repository);
      },
    });
  },
};

const geometry = new WalGeometry(1024 ** 2);

/** Everything that a survey tells, as list, cleanup, restore and fetch ask for it. */
async function lookAtAll(repository: Repository): Promise<void> {
  const survey = surveySystem(repository, system, signal);
  await survey.geometry();
  await survey.believedBackups();
  await survey.gaps(geometry);
  await survey.outdatedHighWater(geometry);
  await survey.pinned();
  await survey.expiring();
  await survey.anomalies();
  await survey.restorePoints();
  await survey.restoresInProgress(new Date());
  await survey.verifiedWal(geometry);
  await survey.verifiedParts();
  await survey.lastVerifications();
  await survey.outdatedVerifications({ geometry, wal: [], backups: new Set() });
  await survey.backupDirectories();
}

export const note: FuzzTarget = {
  name: 'note',
  reads: 'a note, and its key',
  parsers: [
    'repository/format/notes/note.ts#readNote',
    'repository/format/notes/lost-wal.ts#parseLostWal',
    'repository/format/notes/gap-acknowledged.ts#parseAcknowledgedGap',
    'repository/format/notes/removed-wal.ts#parseRemovedWal',
    'repository/format/notes/anomaly.ts#parseAnomalies',
    'repository/format/notes/restore-point.ts#parseRestorePoint',
    'repository/format/notes/restored.ts#parseRestored',
    'repository/format/notes/verified.ts#parseVerifiedRanges',
    'repository/format/notes/verified.ts#parseVerifiedParts',
    'repository/format/notes/verified.ts#parseVerifiedRun',
    'repository/format/notes/high-water.ts#parseHighWater',
    'repository/format/layout.ts#parseNoteKey',
  ],
  open() {
    const originals = [
      ...vectorsOf('note'),
      ...vectorsOf('high-water'),
      ...vectorsOf('acknowledgement'),
      ...vectorsOf('anomaly'),
      ...vectorsOf('verified'),
    ];
    return Promise.resolve({
      form: 'json',
      corpus: [...originals.map(({ body }) => body), ...goldenObjects(/catalog\/notes\/.+\.json$/)],
      async parse(input, { random }) {
        const { key, signature } = random.pick(originals);
        const kind = random.pick([
          'wal-lost',
          'wal-removed',
          'gap-acknowledged',
          'high-water',
          'pin',
          'unpin',
          'expiring',
          'anomaly',
          'restore-point',
          'restored',
          'verified',
        ]);
        const ownKey = random.onceIn(2) ? key : key.replace(/[^/]+$/, `20261129T212417000Z-${kind}.json`);
        await lookAtAll(await repositoryOf(ownKey, input, { random, signature }));
      },
    });
  },
};

export const marker: FuzzTarget = {
  name: 'marker',
  reads: 'walvault.json',
  parsers: [
    'repository/format/marker.ts#readMarker',
    'repository/format/marker.ts#verifyMarker',
    'repository/format/json-object.ts#readSmallObject',
  ],
  open: () =>
    Promise.resolve({
      form: 'json',
      corpus: [...vectorsOf('marker').map(({ body }) => body), ...goldenObjects(/walvault\.json$/)],
      async parse(input, { random }) {
        await verifyMarker(await repositoryOf(markerKey, input, { random }), signal);
      },
    }),
};

export const clusterRecord: FuzzTarget = {
  name: 'cluster-record',
  reads: 'cluster.json',
  parsers: [
    'repository/format/cluster-record.ts#readClusterRecord',
    'repository/format/geometry-field.ts#readGeometry',
  ],
  open: () =>
    Promise.resolve({
      form: 'json',
      corpus: [...vectorsOf('cluster-record').map(({ body }) => body), ...goldenObjects(/cluster\.json$/)],
      async parse(input, { random }) {
        const repository = await repositoryOf(clusterRecordKey(system), input, { random });
        await lookAtAll(repository);
        await readClusterRecord(repository.store, system, signal);
      },
    }),
};

export const claim: FuzzTarget = {
  name: 'claim',
  reads: 'the claim of a backup',
  parsers: ['repository/format/claim.ts#readParentClaim', 'repository/format/backup-record.ts#isBackupId'],
  open: () =>
    Promise.resolve({
      form: 'json',
      corpus: [
        ...goldenObjects(/claim\.json$/),
        Buffer.from('{"format":1,"id":"a","parent":"20261122T020000Z-full-3f2a91"}'),
      ],
      async parse(input, { random }) {
        const id = '20261122T020000Z-full-3f2a91';
        const repository = await repositoryOf(claimKey(system, id), input, { random });
        await readParentClaim(repository, system, id, signal);
        isBackupId(input.toString('utf8'));
      },
    }),
};
