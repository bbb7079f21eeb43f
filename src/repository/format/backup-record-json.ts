/** Backup records as JSON: LSNs as PostgreSQL writes them, the system identifier as decimal text, times in UTC. */
import { WalvaultError } from '../../base/errors/errors.ts';
import { formatLsn, parseLsn } from '../../postgres/wal/lsn.ts';
import type { BackupPart, BackupRecord, StoredPiece, WalRange } from './backup-record.ts';
import { encodeJson, parseJsonObject } from './json-object.ts';

const recordFormat = 1;

export function encodeBackupRecord(record: BackupRecord): Buffer {
  return encodeJson({
    format: recordFormat,
    ...record,
    systemId: String(record.systemId),
    startTime: record.startTime.toISOString(),
    stopTime: record.stopTime.toISOString(),
    startLsn: formatLsn(record.startLsn),
    stopLsn: formatLsn(record.stopLsn),
    walRanges: record.walRanges.map(range => ({
      ...range,
      startLsn: formatLsn(range.startLsn),
      endLsn: formatLsn(range.endLsn),
    })),
  });
}

/** @throws WalvaultError `damaged` naming the field */
export function decodeBackupRecord(data: Uint8Array, source: string): BackupRecord {
  const fields = new Fields(parseJsonObject(data, source), source);
  if (fields.number('format') !== recordFormat) throw fields.bad('format');
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
    timeline: fields.number('timeline'),
    startLsn: fields.parsed('startLsn', parseLsn),
    stopLsn: fields.parsed('stopLsn', parseLsn),
    walRanges: fields.items('walRanges').map(walRange),
    segmentSizeBytes: fields.number('segmentSizeBytes'),
    dataChecksums: fields.flag('dataChecksums'),
    damagedPages: fields.number('damagedPages'),
    fileCount: fields.number('fileCount'),
    sizeBytes: fields.number('sizeBytes'),
    tablespaces: fields
      .items('tablespaces')
      .map(item => ({ oid: item.number('oid'), location: item.text('location') })),
    externalFiles: fields.texts('externalFiles'),
    manifest: piece(fields.object('manifest')),
    parts: fields.items('parts').map(part),
  };
}

function walRange(fields: Fields): WalRange {
  return {
    timeline: fields.number('timeline'),
    startLsn: fields.parsed('startLsn', parseLsn),
    endLsn: fields.parsed('endLsn', parseLsn),
  };
}

function piece(fields: Fields): StoredPiece {
  const name = fields.text('name');
  if (!/^[a-z0-9]+(\/[a-z0-9]+)?(\.[a-z]+)+$/.test(name)) throw fields.bad('name');
  const storedSha256 = fields.text('storedSha256');
  if (!/^[0-9a-f]{64}$/.test(storedSha256)) throw fields.bad('storedSha256');
  return { name, storedSizeBytes: fields.number('storedSizeBytes'), storedSha256 };
}

function part(fields: Fields): BackupPart {
  return { number: fields.number('number'), ...piece(fields) };
}

/** Typed access to a JSON object from a store that may be hostile: every field is checked where it is read. */
class Fields {
  readonly #object: Record<string, unknown>;
  readonly #source: string;

  constructor(object: Record<string, unknown>, source: string) {
    this.#object = object;
    this.#source = source;
  }

  bad(name: string): WalvaultError {
    return new WalvaultError('damaged', `${this.#source}: "${name}" is missing or not what it must be`);
  }

  has(name: string): boolean {
    return this.#object[name] !== undefined && this.#object[name] !== null;
  }

  text(name: string): string {
    const value = this.#object[name];
    if (typeof value !== 'string') throw this.bad(name);
    return value;
  }

  /** A non-negative integer. */
  number(name: string): number {
    const value = this.#object[name];
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw this.bad(name);
    return value;
  }

  flag(name: string): boolean {
    const value = this.#object[name];
    if (typeof value !== 'boolean') throw this.bad(name);
    return value;
  }

  oneOf<const T extends string>(name: string, allowed: readonly T[]): T {
    const value = allowed.find(one => one === this.#object[name]);
    if (value === undefined) throw this.bad(name);
    return value;
  }

  parsed<T>(name: string, parse: (text: string) => T): T {
    try {
      return parse(this.text(name));
    } catch {
      throw this.bad(name);
    }
  }

  time(name: string): Date {
    const time = new Date(this.text(name));
    if (Number.isNaN(time.getTime())) throw this.bad(name);
    return time;
  }

  texts(name: string): string[] {
    return this.#array(name).map(value => {
      if (typeof value !== 'string') throw this.bad(name);
      return value;
    });
  }

  items(name: string): Fields[] {
    return this.#array(name).map((value, index) => this.#nested(value, `${name}[${index}]`));
  }

  object(name: string): Fields {
    return this.#nested(this.#object[name], name);
  }

  #nested(value: unknown, name: string): Fields {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) throw this.bad(name);
    return new Fields(value as Record<string, unknown>, this.#source);
  }

  #array(name: string): unknown[] {
    const value = this.#object[name];
    if (!Array.isArray(value)) throw this.bad(name);
    return value;
  }
}
