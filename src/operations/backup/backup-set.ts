/** A backup as a set of parts: where its objects are stored, and which events are emitted while it is written. */
import { toPlainError } from '../../base/errors/plain-error.ts';
import type { Log } from '../../observe/events/events.ts';
import { endAttempts } from '../../repository/format/claim.ts';
import {
  backupPrefix,
  claimKey,
  isClaimName,
  manifestKey,
  partKey,
  type SystemPath,
} from '../../repository/format/layout.ts';
import type { Destinations } from '../../repository/sets/destinations.ts';
import type { Sharing } from '../../repository/sets/discard.ts';
import { PartSet } from '../../repository/sets/part-set.ts';
import { thisRun } from './claim.ts';
import type { PartIndexer } from './resume/part-indexer.ts';

export interface BackupSetOptions {
  readonly system: SystemPath;
  readonly id: string;
  readonly attempt: number;
  readonly destinations: Destinations;
  readonly indexer: Pick<PartIndexer, 'hasBegun'> | undefined;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** No attempt has a part of the number of another one's: both may be running, where they cannot see each other. */
const partsOfAttempt = 1_000_000;

export function newBackupSet(options: BackupSetOptions): PartSet {
  const { system, id, attempt, destinations, indexer, log, signal } = options;
  const { suffix } = destinations.codec;
  const claim = { id, attempt, startTime: new Date(), ...thisRun() };
  const sharing: Sharing = {
    claimAlone: async (repository, until) => await endAttempts(repository, system, claim, until),
    isClaim: isClaimName,
  };
  return new PartSet({
    layout: {
      what: `backup ${id}`,
      prefix: backupPrefix(system, id),
      claimKey: claimKey(system, id),
      manifestKey: manifestKey(system, { id, attempt }, suffix),
      firstPart: (attempt - 1) * partsOfAttempt + 1,
      partKey: part => partKey(system, id, part, suffix),
      // Without an index nothing can go on from here.
      get sharing() {
        return attempt > 1 || indexer?.hasBegun === true ? sharing : undefined;
      },
    },
    destinations,
    onRetry: error => log.emit({ kind: 'piece-made-again', failure: toPlainError(error) }),
    onLeftBehind: ({ name }, error) =>
      log.emit({ kind: 'backup-pieces-left', repository: name, backup: id, failure: toPlainError(error) }),
    signal,
  });
}
