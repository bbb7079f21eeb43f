/** A backup as a set of parts: where its objects are stored, and which events are emitted while it is written. */
import { toPlainError } from '../../base/errors/plain-error.ts';
import type { Log } from '../../observe/events/events.ts';
import {
  backupPrefix,
  claimKey,
  manifestKey,
  partKey,
  type SystemPath,
} from '../../repository/format/layout.ts';
import type { Destinations } from '../../repository/sets/destinations.ts';
import { PartSet } from '../../repository/sets/part-set.ts';

export interface BackupSetOptions {
  readonly system: SystemPath;
  readonly id: string;
  readonly attempt: number;
  readonly destinations: Destinations;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** No attempt has a part of the number of another one's: both may be running, where they cannot see each other. */
const partsOfAttempt = 1_000_000;

export function newBackupSet({ system, id, attempt, destinations, log, signal }: BackupSetOptions): PartSet {
  const { suffix } = destinations.codec;
  return new PartSet({
    layout: {
      what: `backup ${id}`,
      prefix: backupPrefix(system, id),
      claimKey: claimKey(system, id),
      manifestKey: manifestKey(system, { id, attempt }, suffix),
      firstPart: (attempt - 1) * partsOfAttempt + 1,
      partKey: part => partKey(system, id, part, suffix),
    },
    destinations,
    onRetry: error => log.emit({ kind: 'piece-made-again', failure: toPlainError(error) }),
    onLeftBehind: ({ name }, error) =>
      log.emit({ kind: 'backup-pieces-left', repository: name, backup: id, failure: toPlainError(error) }),
    signal,
  });
}
