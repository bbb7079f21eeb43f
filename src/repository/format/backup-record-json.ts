/** Backup records as JSON: LSNs as PostgreSQL writes them, the system identifier as decimal text, times in UTC. */
import { formatLsn, parseLsn } from '../../postgres/wal/lsn.ts';
import type {
  BackedUpTablespace,
  BackupPart,
  BackupRecord,
  DamagedPage,
  FollowedLink,
  ResumedBackup,
  StoredPiece,
  WalRange,
} from './backup-record.ts';
import type { RelationLayout } from '../../postgres/cluster/incremental/header.ts';
import { parseFields, sha256Pattern, type Fields } from './fields.ts';
import { readGeometry } from './geometry-field.ts';
import { encodeJson } from './json-object.ts';
import { PackedParts } from './packed-parts.ts';
import { isSafePath } from './manifest.ts';

const recordFormat = 1;

export function encodeBackupRecord({ geometry, ...record }: BackupRecord): Buffer {
  return encodeJson({
    format: recordFormat,
    ...record,
    dataDirectoryMode: record.dataDirectoryMode?.toString(8),
    segmentSizeBytes: geometry.segmentSizeBytes,
    systemId: String(record.systemId),
    startTime: record.startTime.toISOString(),
    stopTime: record.stopTime.toISOString(),
    keepUntil: record.keepUntil?.toISOString(),
    startLsn: formatLsn(record.startLsn),
    stopLsn: formatLsn(record.stopLsn),
    walRanges: record.walRanges.map(range => ({
      ...range,
      startLsn: formatLsn(range.startLsn),
      endLsn: formatLsn(range.endLsn),
    })),
  });
}

/**
 * Parses a backup record.
 * @throws WalvaultError `damaged` naming the field
 */
export function decodeBackupRecord(data: Uint8Array, source: string): BackupRecord {
  const fields = parseFields(data, source);
  if (!fields.is('format', recordFormat)) throw fields.bad('format');
  return {
    id: fields.text('id'),
    type: fields.oneOf('type', ['full', 'incremental']),
    parent: fields.has('parent') ? fields.text('parent') : undefined,
    systemId: fields.parsed('systemId', BigInt),
    serverVersion: fields.number('serverVersion'),
    walvaultVersion: fields.text('walvaultVersion'),
    label: fields.text('label'),
    backupFrom: fields.oneOf('backupFrom', ['primary', 'standby']),
    startTime: fields.time('startTime'),
    stopTime: fields.time('stopTime'),
    ...(fields.has('keepUntil') && { keepUntil: fields.time('keepUntil') }),
    timeline: fields.number('timeline'),
    startLsn: fields.parsed('startLsn', parseLsn),
    stopLsn: fields.parsed('stopLsn', parseLsn),
    walRanges: fields.items('walRanges').map(walRange),
    geometry: readGeometry(fields),
    dataChecksums: fields.flag('dataChecksums'),
    damagedPages: fields.number('damagedPages'),
    ...(fields.has('namedDamagedPages') && {
      namedDamagedPages: fields.items('namedDamagedPages').map(damagedPage),
    }),
    ...(fields.has('dataDirectoryMode') && {
      dataDirectoryMode: Number.parseInt(fields.matching('dataDirectoryMode', /^[0-7]{3}$/), 8),
    }),
    fileCount: fields.number('fileCount'),
    sizeBytes: fields.number('sizeBytes'),
    ...(fields.has('restoredSizeBytes') && { restoredSizeBytes: fields.number('restoredSizeBytes') }),
    ...(fields.has('relationLayout') && { relationLayout: relationLayout(fields.object('relationLayout')) }),
    ...(fields.has('changesFrom') && { changesFrom: fields.oneOf('changesFrom', ['digests', 'summaries']) }),
    ...(fields.has('audited') && {
      audited: { missedPages: fields.object('audited').number('missedPages') },
    }),
    tablespaces: fields.items('tablespaces').map(tablespace),
    ...(fields.has('links') && { links: fields.items('links').map(link) }),
    externalFiles: fields.texts('externalFiles'),
    ...(fields.has('recipients') && { recipients: fields.texts('recipients') }),
    ...(fields.has('resumed') && { resumed: resumed(fields.object('resumed')) }),
    manifest: piece(fields.object('manifest')),
    ...(fields.has('names') && { names: piece(fields.object('names')) }),
    parts: packedParts(fields),
  };
}

function walRange(fields: Fields): WalRange {
  return {
    timeline: fields.number('timeline'),
    startLsn: fields.parsed('startLsn', parseLsn),
    endLsn: fields.parsed('endLsn', parseLsn),
  };
}

function tablespace(fields: Fields): BackedUpTablespace {
  const { oid, location } = { oid: fields.number('oid'), location: fields.text('location') };
  if (!fields.has('insidePath')) return { oid, location };
  const insidePath = fields.text('insidePath');
  if (!isSafePath(insidePath)) throw fields.bad('insidePath');
  return { oid, location, insidePath };
}

function damagedPage(fields: Fields): DamagedPage {
  return { path: fields.text('path'), page: fields.number('page') };
}

function link(fields: Fields): FollowedLink {
  return { path: fields.text('path'), location: fields.text('location') };
}

function relationLayout(fields: Fields): RelationLayout {
  return {
    blockSizeBytes: fields.number('blockSizeBytes'),
    relationSegmentBlocks: fields.number('relationSegmentBlocks'),
  };
}

function resumed(fields: Fields): ResumedBackup {
  return {
    attempt: fields.number('attempt'),
    partCount: fields.number('partCount'),
    storedSizeBytes: fields.number('storedSizeBytes'),
  };
}

function piece(fields: Fields): StoredPiece {
  return {
    name: fields.matching('name', /^[a-z0-9]+(\/[a-z0-9]+)?(\.[a-z]+)+$/),
    storedSizeBytes: fields.number('storedSizeBytes'),
    storedSha256: fields.matching('storedSha256', sha256Pattern),
    ...(fields.has('plainSizeBytes') && { plainSizeBytes: fields.number('plainSizeBytes') }),
  };
}

function packedParts(fields: Fields): PackedParts {
  const items = fields.items('parts');
  return new PackedParts(items.values().map(part), items.length);
}

function part(fields: Fields): BackupPart {
  return { number: fields.number('number'), ...piece(fields) };
}
