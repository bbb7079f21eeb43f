/** One event of each kind, with all its fields. A kind without a sample is a type error. */
import type { PlainError } from '../../src/base/errors/plain-error.ts';
import type { Event } from '../../src/observe/events/events.ts';

export type Samples = { readonly [K in Event['kind']]: Required<Extract<Event, { readonly kind: K }>> };

type OptionalField<E> = E extends Event
  ? { [Name in keyof E & string]-?: undefined extends E[Name] ? `${E['kind']} ${Name}` : never }[keyof E &
      string]
  : never;

/** Fields, behind their kind, that an event leaves out where they do not apply. */
export const optionalFields: Readonly<Record<OptionalField<Event>, true>> = {
  'agent-not-started hint': true,
  'backup-held-back reason': true,
  'cleanup-failed hint': true,
  'cleanup-in-doubt hint': true,
  'progress doneFiles': true,
  'progress totalBytes': true,
  'wal-lost-since-backup previousBackup': true,
};

const failure: PlainError = {
  code: 'unreachable',
  message: 's3://acme-wal/pg: connection refused',
  hint: 'Is the network up?',
  retry: true,
};
const segment = '000000010000000000000042';
const backup = '20261129T213128Z-1a2b';
const repository = 'offsite';
const dataDirectory = '/var/lib/postgresql/15/main';

export const samples: Samples = {
  'run-started': {
    kind: 'run-started',
    verb: 'backup',
    arguments: ['backup', '--label', 'nightly'],
    user: 'postgres',
    host: 'db1',
    pid: 4711,
    version: '0.1.0',
    repositories: ['main', repository],
  },
  'run-ended': { kind: 'run-ended', verb: 'backup', exitStatus: 0, durationMs: 61_250 },
  'run-failed': { kind: 'run-failed', exitStatus: 5, failure },
  'run-interrupted': { kind: 'run-interrupted', signal: 'SIGTERM' },
  'log-file-unwritable': {
    kind: 'log-file-unwritable',
    path: '/var/log/walvault/walvault.log',
    problem: 'no space left on device',
  },
  progress: {
    kind: 'progress',
    stage: 'restore',
    doneBytes: 1_288_490_188,
    totalBytes: 4_294_967_296,
    doneFiles: 812,
  },
  'tls-not-verified': { kind: 'tls-not-verified', repository },
  'repository-traffic': {
    kind: 'repository-traffic',
    repository,
    requests: 12,
    failed: 1,
    sentBytes: 16_777_216,
    receivedBytes: 2048,
  },
  'recipient-expiry': {
    kind: 'recipient-expiry',
    fingerprint: '0123456789ABCDEF0123456789ABCDEF01234567',
    userId: 'recovery',
    expiresAt: '2026-12-24T00:00:00.000Z',
    hasExpired: false,
  },
  'signature-not-good': {
    kind: 'signature-not-good',
    object: `orders/7300000000000000001/wal/${segment}`,
    status: 'unsigned',
    problem: 'is not signed',
  },
  'loss-record-unreadable': {
    kind: 'loss-record-unreadable',
    path: `${dataDirectory}/.walvault-lost-wal/${segment}.json`,
  },
  'loss-not-noted': { kind: 'loss-not-noted', repository, failure },
  'loss-noted': {
    kind: 'loss-noted',
    repository,
    description: `${segment} was given up at 2026-11-29T21:31:28.000Z by db1`,
  },
  'page-magic-unknown': { kind: 'page-magic-unknown', file: segment, pageMagic: 'D999' },
  'history-not-understood': { kind: 'history-not-understood', file: '00000002.history', failure },
  'creation-not-atomic': { kind: 'creation-not-atomic', repository },
  'content-kept-beside': { kind: 'content-kept-beside', file: segment, repository },
  'repository-lacks-file': {
    kind: 'repository-lacks-file',
    file: segment,
    repository,
    required: false,
    failure,
  },
  'file-archived': { kind: 'file-archived', file: segment, repositories: ['main', repository] },
  'missing-file-sent': { kind: 'missing-file-sent', file: segment },
  'missing-file-not-sent': { kind: 'missing-file-not-sent', file: segment, failure },
  'segment-given-up': {
    kind: 'segment-given-up',
    file: segment,
    segmentCount: 13_000,
    backlogBytes: 218_103_808_000,
    limitBytes: 214_748_364_800,
    reason: 'repository "offsite": connection refused',
  },
  'giving-up-not-recorded': { kind: 'giving-up-not-recorded', file: segment, failure },
  'losses-not-delivered': { kind: 'losses-not-delivered', failure },
  'file-delivered': { kind: 'file-delivered', file: segment, repository },
  'file-absent': { kind: 'file-absent', file: segment },
  'file-not-served': {
    kind: 'file-not-served',
    file: segment,
    problem: 'by 00000002.history in pg_wal the recovery may follow timeline 2',
    hint: 'Set recovery_target_timeline.',
  },
  'acknowledged-gap-passed': {
    kind: 'acknowledged-gap-passed',
    file: segment,
    repository,
    user: 'alice',
    host: 'db1',
    reason: 'the bucket rule of May, ticket 1234',
    acknowledgedAt: '2026-11-29T21:31:28.000Z',
  },
  'gap-tolerated': { kind: 'gap-tolerated', failure },
  'repository-failed': { kind: 'repository-failed', failure },
  'best-effort-failed': { kind: 'best-effort-failed', repository, failure },
  'agent-listening': {
    kind: 'agent-listening',
    dataDirectory,
    socketPath: '/run/walvault/1a2b.sock',
  },
  'agent-ended': { kind: 'agent-ended', reason: 'idle' },
  'prefetch-failed': { kind: 'prefetch-failed', failure },
  'look-ahead-failed': { kind: 'look-ahead-failed', failure },
  'marking-failed': { kind: 'marking-failed', failure },
  'agent-unanswering': { kind: 'agent-unanswering', verb: 'push', detail: 'no sign of life for 5 s' },
  'agent-start-failed': { kind: 'agent-start-failed', lastWords: 'the directory is gone' },
  'agent-not-started': {
    kind: 'agent-not-started',
    problem: 'its directory belongs to another user',
    hint: 'Remove it.',
  },
  'agent-not-loaded': { kind: 'agent-not-loaded', failure },
  'orphaned-prefetch-left': { kind: 'orphaned-prefetch-left', failure },
  'checkpoint-awaited': { kind: 'checkpoint-awaited', backup, isFast: false },
  'wal-awaited': {
    kind: 'wal-awaited',
    repository,
    file: segment,
    condition: 'the server has switched to a new segment already',
  },
  'file-vanished': { kind: 'file-vanished', path: 'base/5/16384' },
  'link-left-out': { kind: 'link-left-out', path: 'base/link' },
  'configuration-file-left-out': {
    kind: 'configuration-file-left-out',
    path: '/etc/postgresql/15/main/pg_hba.conf',
    problem: 'permission denied',
  },
  'page-damaged': { kind: 'page-damaged', path: 'base/5/16384', page: 7 },
  'damaged-pages-only-counted': { kind: 'damaged-pages-only-counted', namedCount: 100 },
  'piece-made-again': { kind: 'piece-made-again', failure },
  'repository-left-out': { kind: 'repository-left-out', repository, failure },
  'wal-lost-since-backup': {
    kind: 'wal-lost-since-backup',
    repository,
    firstSegment: segment,
    lastSegment: segment,
    segmentCount: 1,
    previousBackup: backup,
    description: `${segment} was given up at 2026-11-29T21:31:28.000Z by db1`,
  },
  'wal-losses-unknown': { kind: 'wal-losses-unknown', failure },
  'backup-not-completed': { kind: 'backup-not-completed', backup },
  'backup-half-committed': { kind: 'backup-half-committed', backup, repositories: ['main'] },
  'backup-pieces-left': { kind: 'backup-pieces-left', repository, backup, failure },
  'cleanup-in-doubt': {
    kind: 'cleanup-in-doubt',
    repository,
    problem: 'no WAL is removed: there is no backup that it could be older than',
    hint: 'Take a backup.',
  },
  'unfinished-writes-unknown': { kind: 'unfinished-writes-unknown', repository, failure },
  'unfinished-writes-removed': { kind: 'unfinished-writes-removed', repository, count: 3 },
  'backup-yielded-to-child': {
    kind: 'backup-yielded-to-child',
    repository,
    backup,
    child: '20261130T213128Z-3c4d',
  },
  'backup-removed': { kind: 'backup-removed', repository, backup },
  'wal-removed': { kind: 'wal-removed', repository, firstSegment: segment, lastSegment: segment },
  'cleanup-failed': {
    kind: 'cleanup-failed',
    repository,
    problem: 'the store refused to delete 3 objects',
    hint: 'Look at its object lock.',
  },
  'backup-record-unusable': { kind: 'backup-record-unusable', backup, problem: 'it is no JSON' },
  'backup-held-back': { kind: 'backup-held-back', backup, reason: 'part 3 differs' },
  'object-not-copied': {
    kind: 'object-not-copied',
    object: `orders/7300000000000000001/wal/${segment}`,
    problem: 'the target has other content',
  },
  'owner-taken': { kind: 'owner-taken', dataDirectory, uid: 112 },
  'owner-missing': { kind: 'owner-missing' },
  'key-kept': {
    kind: 'key-kept',
    path: '/etc/walvault-keys/signing-private.asc',
    fingerprint: '0123456789ABCDEF0123456789ABCDEF01234567',
  },
  'encryption-off': { kind: 'encryption-off' },
  'repository-ready': {
    kind: 'repository-ready',
    repository,
    url: 's3://acme-wal/pg',
    id: '3f2a9c51e07b4d68',
  },
  'repository-passed-over': { kind: 'repository-passed-over', repository, failure },
  'backup-left-out': { kind: 'backup-left-out', backup, problem: 'its commit record is not signed' },
  'backup-unproven': { kind: 'backup-unproven', backup, problem: 'is not signed' },
  'private-key-needed': { kind: 'private-key-needed', failure },
  'commit-searched': { kind: 'commit-searched', segmentCount: 64 },
  'restore-started': { kind: 'restore-started', backup, sizeBytes: 4_294_967_296, dataDirectory },
  'restore-undone': { kind: 'restore-undone' },
  'restore-not-undone': { kind: 'restore-not-undone', directories: [dataDirectory], failure },
  'environment-needed': { kind: 'environment-needed', variables: ['WALVAULT_REPOSITORY_URL'] },
  'object-signature': {
    kind: 'object-signature',
    object: `orders/7300000000000000001/wal/${segment}`,
    verdict: 'is signed by 0123456789ABCDEF0123456789ABCDEF01234567',
  },
  'needed-object-removed': {
    kind: 'needed-object-removed',
    object: 'walvault.json',
    purpose: 'the marker of the repository',
    loss: 'nothing opens it any more',
  },
  'object-not-removed': { kind: 'object-not-removed', failure },
};
