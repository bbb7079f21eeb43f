/** Extended header records (POSIX.1-2001 pax): `<length> <name>=<value>\n`, in UTF-8. */
import { damagedTar } from './damaged-tar.ts';

/** The records that are used; times, access lists and the like are ignored. */
export interface PaxRecords {
  readonly path?: string;
  readonly linkpath?: string;
  readonly size?: number;
  readonly uid?: number;
  readonly gid?: number;
}

/** @throws WalvaultError `damaged` */
export function parsePaxRecords(data: Buffer): PaxRecords {
  const records = new Map<string, string>();
  for (let offset = 0; offset < data.length;) {
    const blank = data.indexOf(0x20, offset);
    const lengthText = data.toString('latin1', offset, Math.max(offset, blank));
    const end = offset + Number(lengthText);
    if (!/^[1-9]\d{0,5}$/.test(lengthText) || end > data.length || end <= blank || data[end - 1] !== 0x0a)
      throw damagedTar('has a malformed extended header');
    const record = data.toString('utf8', blank + 1, end - 1);
    const equals = record.indexOf('=');
    if (equals < 1) throw damagedTar('has a malformed extended header');
    records.set(record.slice(0, equals), record.slice(equals + 1));
    offset = end;
  }
  const path = records.get('path');
  const linkpath = records.get('linkpath');
  const size = wholeNumber('size', records);
  const uid = wholeNumber('uid', records);
  const gid = wholeNumber('gid', records);
  return {
    ...(path === undefined ? {} : { path }),
    ...(linkpath === undefined ? {} : { linkpath }),
    ...(size === undefined ? {} : { size }),
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  };
}

function wholeNumber(name: string, records: ReadonlyMap<string, string>): number | undefined {
  const value = records.get(name);
  if (value === undefined) return undefined;
  if (!/^\d{1,15}$/.test(value)) throw damagedTar(`has an extended header whose ${name} is not a number`);
  return Number(value);
}
