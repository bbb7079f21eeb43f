/** The wait for the last condition of a backup: all WAL that makes it consistent is in the archive (P4). */
import { sleep } from '../../../base/time/wait.ts';
import { WalvaultError } from '../../../base/errors/errors.ts';
import { formatDuration } from '../../../base/units.ts';
import { historyFileName, parseWalFileName } from '../../../postgres/wal/file-name.ts';
import type { WalGeometry } from '../../../postgres/wal/geometry.ts';
import type { WalRange } from '../../../repository/format/backup-record.ts';
import { walKey, type SystemPath } from '../../../repository/format/layout.ts';
import type { Repository } from '../../../repository/repository.ts';
import { findUnarchived } from '../../../repository/wal/unarchived.ts';
import { neededSegments } from '../../../repository/wal/needed.ts';
import type { Log } from '../../../observe/events/events.ts';

const firstPauseMs = 200;
const longestPauseMs = 5000;
/** Ordinary archiving takes less than this; only a longer wait is worth a message. */
const quietMs = 10_000;

export interface WalWait {
  readonly system: SystemPath;
  readonly walRanges: readonly WalRange[];
  readonly geometry: WalGeometry;
  readonly timeoutMs: number;
  /** Who ends the segment that is waited for: nobody but the server, which has; its primary, told or not. */
  readonly endedBy: 'server' | 'primary' | 'primary-when-told';
  /** Describes the archiver's last failure, for the hint. */
  readonly describeArchiver: () => Promise<string | undefined>;
  /** Explains why a file will never arrive because the server gave it up; undefined for other files. */
  readonly whyLost: (name: string) => Promise<string | undefined>;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * Returns when all needed WAL is archived.
 * @throws WalvaultError `wal-missing` naming the first file that did not arrive in time
 */
export async function waitForWal(repository: Repository, wait: WalWait): Promise<void> {
  const startedAt = performance.now();
  let saidAt = startedAt + quietMs;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 1.5, longestPauseMs)) {
    const missing = await firstMissing(repository, wait);
    if (missing === undefined) return;
    const lost = await wait.whyLost(missing);
    if (lost !== undefined) throw givenUp(repository, missing, lost);
    const now = performance.now();
    const leftMs = startedAt + wait.timeoutMs - now;
    if (leftMs <= 0) throw await timedOut(repository, missing, wait);
    if (now >= saidAt) {
      saidAt = now + 30_000;
      wait.log.emit({
        kind: 'wal-awaited',
        repository: repository.name,
        file: missing,
        condition: conditions[wait.endedBy],
      });
    }
    await sleep(Math.min(pauseMs, leftMs), wait.signal);
  }
}

/**
 * The first needed file that is not archived. A history file comes before the segments of its timeline: without the
 * history, recovery never looks for them.
 */
async function firstMissing(repository: Repository, wait: WalWait): Promise<string | undefined> {
  const { system, walRanges, geometry, signal } = wait;
  for (const { timeline } of walRanges.slice(1)) {
    const name = historyFileName(timeline);
    const file = parseWalFileName(name);
    if (file !== undefined && (await repository.store.head(walKey(system, file), { signal })) === undefined)
      return name;
  }
  for (const needed of neededSegments(wait)) {
    const [missing] = await findUnarchived(repository, system, needed, { geometry, signal });
    if (missing !== undefined) return geometry.nameOf(missing.timeline, missing.first);
  }
  return undefined;
}

function givenUp({ name }: Repository, missing: string, lost: string): WalvaultError {
  return new WalvaultError(
    'wal-missing',
    `repository "${name}": ${missing}, which makes the backup consistent, was ${lost}; so the backup was not committed`,
    {
      hint: 'If it is still in pg_wal, `walvault push --missing` sends it. Take the backup again now that the store answers.',
    },
  );
}

async function timedOut(repository: Repository, missing: string, wait: WalWait): Promise<WalvaultError> {
  const archiver = await wait.describeArchiver();
  return new WalvaultError(
    'wal-missing',
    `repository "${repository.name}": ${missing} did not arrive within ${formatDuration(wait.timeoutMs)}, so the backup was not committed`,
    {
      hint: [
        archiver,
        `Look for the archive_command's messages in the server's log; ${conditions[wait.endedBy]}.`,
      ]
        .filter(text => text !== undefined)
        .join(' '),
    },
  );
}

const conditions: Readonly<Record<WalWait['endedBy'], string>> = {
  server: 'the server has switched to a new segment already',
  primary:
    'this is a standby: an idle primary archives the segment only after select pg_switch_wal() there, for which postgres.primary-connection can be set',
  'primary-when-told': 'the primary was told to switch to a new segment',
};
