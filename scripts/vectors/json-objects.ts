/** The marker, the record of a system, commit records and notes, with their signatures. */
import { sign, users } from './openpgp.ts';
import { backupId, tree, writeVector } from './vector-file.ts';

const recordKey = `${tree}/catalog/backups/${backupId}.json`;
const noteKey = `${tree}/catalog/notes/wal-00000001/20261122T020500123Z-wal-lost.json`;

export async function writeJsonObjects(): Promise<void> {
  const json = (value: object) => `${JSON.stringify(value, undefined, 1)}\n`;
  const marker = {
    format: 1,
    id: '8f14e45f-ceea-467f-9575-2f1b6b1d0a01',
    created: '2026-11-22T02:00:00.000Z',
  };
  function markerVector(name: string, comment: string, expect: string, body: string): void {
    writeVector(
      name,
      { comment, 'read-as': 'marker', key: 'walvault.json', expect, 'repository-id': marker.id },
      body,
    );
  }
  markerVector('marker', 'The format marker of the configured repository.', 'success', json(marker));
  markerVector(
    'marker-more-fields',
    'A field that a later version added.',
    'success',
    json({ ...marker, note: 'x' }),
  );
  markerVector(
    'marker-other-id',
    "Another repository's marker.",
    'foreign',
    json({ ...marker, id: '11111111-1111-4111-8111-111111111111' }),
  );
  markerVector(
    'marker-format-2',
    'A format that this version does not know.',
    'foreign',
    json({ ...marker, format: 2 }),
  );
  markerVector('marker-no-id', 'No id.', 'damaged', json({ format: 1, created: marker.created }));
  markerVector('marker-array', 'JSON, but no object.', 'damaged', '[1]\n');
  markerVector('marker-html', 'No JSON.', 'damaged', '<html></html>\n');

  const cluster = {
    format: 1,
    systemId: '7300000000000000001',
    postgresMajor: 15,
    segmentSizeBytes: 1048576,
    blockSizeBytes: 8192,
    firstSeen: '2026-11-22T02:00:00.000Z',
  };
  function clusterVector(name: string, comment: string, expect: string, body: string): void {
    writeVector(name, { comment, 'read-as': 'cluster-record', key: `${tree}/cluster.json`, expect }, body);
  }
  clusterVector('cluster', 'The record of a system.', 'success', json(cluster));
  clusterVector(
    'cluster-other-system',
    "Another system's record under this one's key.",
    'foreign',
    json({ ...cluster, systemId: '7300000000000000002' }),
  );
  clusterVector(
    'cluster-no-segment-size',
    'A field is missing.',
    'damaged',
    json({ ...cluster, segmentSizeBytes: undefined }),
  );
  clusterVector(
    'cluster-text-size',
    'A number written as text.',
    'damaged',
    json({ ...cluster, segmentSizeBytes: '1048576' }),
  );

  const piece = { storedSizeBytes: 1015227, storedSha256: 'ab'.repeat(32) };
  const record = {
    format: 1,
    id: backupId,
    type: 'full',
    systemId: '7300000000000000001',
    serverVersion: 150018,
    walvaultVersion: '0.1.0',
    label: backupId,
    backupFrom: 'primary',
    startTime: '2026-11-22T02:00:00.000Z',
    stopTime: '2026-11-22T02:04:00.000Z',
    timeline: 1,
    startLsn: '0/F00028',
    stopLsn: '0/F00100',
    walRanges: [{ timeline: 1, startLsn: '0/F00028', endLsn: '0/F00100' }],
    segmentSizeBytes: 1048576,
    dataChecksums: true,
    damagedPages: 0,
    fileCount: 371,
    sizeBytes: 8147527,
    tablespaces: [{ oid: 16385, location: '/srv/fast' }],
    externalFiles: ['/etc/postgresql/15/main/postgresql.conf'],
    manifest: { name: 'manifest.ndjson.zst.pgp', ...piece },
    parts: [{ number: 1, name: 'parts/000001.tar.zst.pgp', ...piece }],
  };
  function recordVector(
    name: string,
    comment: string,
    expect: string,
    body: string,
    signature?: Uint8Array,
  ): void {
    writeVector(
      name,
      { comment, 'read-as': 'backup-record', key: recordKey, expect, verify: 'require' },
      body,
      signature,
    );
  }
  const goodRecord = json(record);
  const goodRecordSignature = await sign(goodRecord, recordKey);
  recordVector(
    'record',
    'A commit record with the signature of a trusted host.',
    'success',
    goodRecord,
    goodRecordSignature,
  );
  recordVector('record-unsigned', 'The same without a signature.', 'bad signature', goodRecord);
  recordVector(
    'record-stranger',
    'Signed by a key that nobody trusts.',
    'bad signature',
    goodRecord,
    await sign(goodRecord, recordKey, users.stranger),
  );
  recordVector(
    'record-moved',
    'Signed for the key of another backup.',
    'bad signature',
    goodRecord,
    await sign(goodRecord, recordKey.replace('3f2a91', '3f2a92')),
  );
  recordVector(
    'record-changed',
    'One digit was changed after it was signed.',
    'bad signature',
    goodRecord.replace('371', '372'),
    goodRecordSignature,
  );
  recordVector(
    'record-junk-signature',
    'The signature is no OpenPGP.',
    'bad signature',
    goodRecord,
    Buffer.from('<html></html>\n'),
  );
  const signedRecord = async (name: string, comment: string, expect: string, body: string) =>
    recordVector(name, comment, expect, body, await sign(body, recordKey));
  await signedRecord(
    'record-other-backup',
    "Another backup's record under this one's key, signed.",
    'foreign',
    json({ ...record, id: '20261123T020000Z-full-000000' }),
  );
  await signedRecord(
    'record-other-system',
    "Another system's record, signed.",
    'foreign',
    json({ ...record, systemId: '7300000000000000002' }),
  );
  await signedRecord(
    'record-no-parts',
    'A field is missing, signed.',
    'damaged',
    json({ ...record, parts: undefined }),
  );
  await signedRecord(
    'record-path',
    "A part outside of the backup's own prefix, signed.",
    'damaged',
    json({ ...record, parts: [{ number: 1, name: '../../x', ...piece }] }),
  );
  await signedRecord(
    'record-bad-lsn',
    'A position that is none, signed.',
    'damaged',
    json({ ...record, startLsn: '0F00028' }),
  );

  const note = {
    format: 1,
    subject: 'wal-00000001',
    kind: 'wal-lost',
    time: '2026-11-22T02:05:00.123Z',
    timeline: 1,
    first: '000000010000000000000014',
    last: '000000010000000000000015',
    lostFrom: '2026-11-22T02:03:00.000Z',
    lostTo: '2026-11-22T02:04:00.000Z',
    host: 'db1',
    backlogBytes: 8388608,
    limitBytes: 3145728,
    reason: 'repository "main": no answer within 5.0 s',
  };
  writeVector(
    'note-wal-lost',
    {
      comment: 'WAL that a server gave up, signed.',
      'read-as': 'note',
      key: noteKey,
      expect: 'success',
      verify: 'require',
    },
    json(note),
    await sign(json(note), noteKey),
  );
  writeVector(
    'note-unsigned',
    {
      comment: 'The same without a signature.',
      'read-as': 'note',
      key: noteKey,
      expect: 'bad signature',
      verify: 'require',
    },
    json(note),
  );
  writeVector(
    'note-junk',
    { comment: 'No JSON.', 'read-as': 'note', key: noteKey, expect: 'damaged', verify: 'require' },
    '<html></html>\n',
  );
}
