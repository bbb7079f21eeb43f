/** Notes that decide something, each with the signature of a host, and some with one that counts for nothing. */
import { makeKey, sign } from './openpgp.ts';
import { backupId, tree, writeVector } from './vector-file.ts';

const host = { name: 'notes-writer', userId: 'notes-writer@example.com' };
/** Nobody has its public key. */
const stranger = 'notes-stranger@example.com';

const timeName = '20261122T020600123Z';
const time = '2026-11-22T02:06:00.123Z';
const wal = 'wal-00000001';
const range = { timeline: 1, first: '000000010000000000000014', last: '000000010000000000000015' };
const person = { user: 'alice', host: 'db1' };

interface NoteVector {
  readonly name: string;
  readonly comment: string;
  readonly readAs: string;
  readonly subject: string;
  readonly kind: string;
  /** In place of the time. */
  readonly keyName?: string;
  readonly body: object;
  /** Another vector of the same note that must not count, and what is wrong with it. */
  readonly bad?: 'unsigned' | 'stranger' | 'moved' | 'changed';
}

const vectors: readonly NoteVector[] = [
  {
    name: 'pin',
    comment: 'A pin with an end.',
    readAs: 'pin',
    subject: backupId,
    kind: 'pin',
    body: { id: '5c0a91d2', until: '2028-01-01T00:00:00.000Z', ...person, note: 'audit 2026, ticket 1234' },
  },
  {
    name: 'unpin',
    comment: 'The pin of note-pin.txt is taken back.',
    readAs: 'unpin',
    subject: backupId,
    kind: 'unpin',
    body: { pins: ['5c0a91d2'], ...person },
    bad: 'stranger',
  },
  {
    name: 'expiring',
    comment: 'The removal of a backup is announced.',
    readAs: 'expiring',
    subject: backupId,
    kind: 'expiring',
    body: { reasons: ['outside-policy'] },
    bad: 'moved',
  },
  {
    name: 'wal-removed',
    comment: 'WAL that a cleanup removed.',
    readAs: 'wal-removed',
    subject: wal,
    kind: 'wal-removed',
    body: { ...range, reasons: ['outside-policy'] },
    bad: 'unsigned',
  },
  {
    name: 'gap-acknowledged',
    comment: 'WAL whose loss a person accepted.',
    readAs: 'acknowledgement',
    subject: wal,
    kind: 'gap-acknowledged',
    body: { ...range, ...person, reason: 'the bucket rule of May, ticket 1234' },
    bad: 'stranger',
  },
  {
    name: 'high-water',
    comment: 'A segment that was archived, where a signature is required.',
    readAs: 'believed-high-water',
    subject: 'high-water',
    kind: 'high-water',
    keyName: '000000010000000000000400',
    body: { segment: '000000010000000000000400' },
    bad: 'moved',
  },
  {
    name: 'restore-point',
    comment: 'A restore point that was made on the server.',
    readAs: 'restore-point',
    subject: 'restore-points',
    kind: 'restore-point',
    body: { name: 'before-migration-42', timeline: 1, lsn: '0/14000168', madeAt: time, ...person },
  },
  {
    name: 'anomaly',
    comment: "What a backup's figures fell out of.",
    readAs: 'anomaly',
    subject: backupId,
    kind: 'anomaly',
    body: {
      anomalies: [
        { measure: 'ratio', value: 1020, usual: 4100, lowest: 3280, highest: 5125, comparedWith: 12 },
      ],
    },
  },
  {
    name: 'restored',
    comment: 'A restore that holds its backup, proven.',
    readAs: 'restore-claim',
    subject: backupId,
    kind: 'restored',
    body: {
      restore: '0123456789abcdef',
      stage: 'unpacking',
      firstSegment: '000000010000000000000014',
      target: 'the end of the archive',
      host: 'db2',
      user: 'postgres',
      directory: '/srv/restored',
      startTime: time,
      doneBytes: 1_048_576,
      totalBytes: 8_388_608,
      until: '2126-11-22T02:05:00.123Z',
    },
  },
  {
    name: 'verified',
    comment: 'Ranges that were read and found sound.',
    readAs: 'verified',
    subject: wal,
    kind: 'verified',
    body: {
      depth: 'decoded',
      ranges:
        '000000010000000000000014-000000010000000000000015 000000010000000000000020-000000010000000000000020',
    },
    bad: 'changed',
  },
  {
    name: 'verified-parts',
    comment: 'Parts of a backup that were read and found sound.',
    readAs: 'verified-parts',
    subject: backupId,
    kind: 'verified',
    body: { depth: 'stored', parts: '1-3 5-5' },
    bad: 'stranger',
  },
  {
    name: 'verified-run',
    comment: 'A run of verify over the system, to its end.',
    readAs: 'verified-run',
    subject: 'verify',
    kind: 'verified',
    body: { depth: 'decoded', damaged: 0, warnings: 2, segmentCount: 14, partCount: 5 },
    bad: 'stranger',
  },
];

const whatIsWrong = {
  unsigned: 'The same without a signature.',
  stranger: 'The same, signed by a key that nobody trusts.',
  moved: 'The same, signed for another key.',
  changed: 'The same, changed after it was signed.',
} as const;

export async function writeSignedNotes(): Promise<void> {
  await makeKey(host.name, host.userId);
  await makeKey(undefined, stranger);
  for (const { name, comment, readAs, subject, kind, keyName = timeName, body, bad } of vectors) {
    const key = `${tree}/catalog/notes/${subject}/${keyName}-${kind}.json`;
    const text = `${JSON.stringify({ format: 1, subject, kind, time, ...body }, undefined, 1)}\n`;
    const header = { 'read-as': readAs, key, verify: 'require' };
    const good = await sign(text, key, host.userId);
    writeVector(
      `note-${name}-signed`,
      { comment: `${comment} Signed.`, ...header, expect: 'success' },
      text,
      good,
    );
    if (bad === undefined) continue;
    const signature = {
      unsigned: () => undefined,
      stranger: () => sign(text, key, stranger),
      moved: () => sign(text, key.replace(tree, `${tree}1`), host.userId),
      changed: () => good,
    }[bad];
    writeVector(
      `note-${name}-${bad}`,
      { comment: whatIsWrong[bad], ...header, expect: 'bad signature' },
      bad === 'changed' ? text.replace('0015', '0016') : text,
      await signature(),
    );
  }
}
