/** The purpose of an object, from its key alone: a warning for people who change a repository by hand. */
import { markerKey, parseWalKey } from './layout.ts';

export interface KeyPurpose {
  readonly what: string;
  /** What no longer works without the object. */
  readonly loss: string;
}

/** The purpose of a key; undefined for a key that is not part of the format, which no command reads. */
export function purposeOfKey(key: string): KeyPurpose | undefined {
  if (key === markerKey)
    return {
      what: 'the format marker',
      loss: 'nothing can be archived to or fetched from the repository without it',
    };
  const rest = /^[^/]+\/\d{1,20}\/(.+)$/.exec(key)?.[1];
  if (rest === undefined) return undefined;
  if (rest === 'cluster.json')
    return { what: 'the record of a system', loss: 'fetch can no longer prove that a segment is absent' };
  return purposeOfWal(key, rest) ?? purposeOfBackup(rest) ?? purposeOfNote(rest);
}

function purposeOfWal(key: string, rest: string): KeyPurpose | undefined {
  if (!/^(wal|timelines)\//.test(rest)) return undefined;
  const entry = parseWalKey(key);
  if (entry === undefined) return undefined;
  const { name, kind } = entry.file;
  if (entry.kind === 'conflict')
    return { what: `a second content of ${name}`, loss: 'it is the only copy of that content' };
  switch (kind) {
    case 'segment':
      return {
        what: `WAL segment ${name}`,
        loss: 'no recovery from an earlier backup gets past it, and a backup that needs it to be consistent is lost',
      };
    case 'history':
      return { what: `the history ${name}`, loss: 'no recovery finds the way to that timeline' };
    case 'partial':
      return { what: `the partial segment ${name}`, loss: 'the last moments of its timeline are lost' };
    case 'backup':
      return {
        what: `the backup history ${name}`,
        loss: 'people and tools that read it miss it; no recovery does',
      };
  }
}

function purposeOfBackup(rest: string): KeyPurpose | undefined {
  const record = /^catalog\/backups\/([^/]+?)\.json(\.sig)?$/.exec(rest);
  if (record !== null)
    return record[2] === undefined
      ? {
          what: `the commit record of backup ${record[1]}`,
          loss: 'the backup no longer exists for any command',
        }
      : { what: `the signature of backup ${record[1]}`, loss: 'the backup counts as unsigned' };
  const piece =
    /^backups\/([^/]+)\/(claim\.json|attempts\/\d\.json|(?:manifest|names)\d?\.ndjson[.a-z]*|parts\/\d+\.tar[.a-z]*|(?:index|digests)\/\d+\.sealed)$/.exec(
      rest,
    );
  if (piece === null) return undefined;
  const [, id, name = ''] = piece;
  if (name.startsWith('index/'))
    return {
      what: `${name} of backup ${id}`,
      loss: 'the host that took the backup no longer knows what is in that part; an interrupted backup writes it again',
    };
  if (name.startsWith('digests/'))
    return {
      what: `${name} of backup ${id}`,
      loss: 'no incremental backup can build on the backup any more; the next one is a full one',
    };
  if (name.startsWith('names'))
    return {
      what: `${name} of backup ${id}`,
      loss: 'nothing tells any more which table a file of the backup belongs to; it can be restored all the same',
    };
  return name.endsWith('.json')
    ? {
        what: name === 'claim.json' ? `the claim of backup ${id}` : `${name} of backup ${id}`,
        loss: 'a cleanup may take the backup for abandoned while it is taken',
      }
    : {
        what: `${name} of backup ${id}`,
        loss: 'the backup can no longer be restored, nor can any that builds on it',
      };
}

function purposeOfNote(rest: string): KeyPurpose | undefined {
  const subject = /^catalog\/notes\/([^/]+)\/[^/]+\.json(\.sig)?$/.exec(rest)?.[1];
  return subject === undefined
    ? undefined
    : { what: `a note about ${subject}`, loss: 'what it says, a pin perhaps, no longer holds' };
}
