/** `walvault pin`: a signed note in each repository that keeps a backup, whatever the policy says. */
import { randomBytes } from 'node:crypto';
import { pieceBounds } from '../../base/bounds.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import { pinNote } from '../../repository/format/notes/pin.ts';
import { writeNote } from '../../repository/format/notes/note.ts';
import { surveySystem } from '../../repository/survey.ts';
import { failureIn, findBackupPlaces, type BackupPlace } from '../backup-places.ts';
import type { PinnedIn, PinOptions, ResultOf } from './options.ts';

/**
 * Pins the backup in each repository that has it. On return the notes of `done` are durable.
 * @throws WalvaultError `usage` for a note or an end that makes no sense, `not-found` if no repository has the backup
 */
export async function pinBackup(options: PinOptions): Promise<ResultOf<PinnedIn>> {
  const { repositories, id: backup, until, note, by, signal } = options;
  checkPin(options);
  const { places, without, failures } = await findBackupPlaces(repositories, options);
  const pin = { id: randomBytes(4).toString('hex'), until, note, ...by };
  const done: PinnedIn[] = [];
  const failed = [...failures];
  for (const place of places) {
    const { repository, system } = place;
    try {
      await writeNote(repository, system, pinNote(backup, pin), signal);
      await requireNoRemoval(place, backup, signal);
      done.push({ repository: repository.name, systemId: system.systemId, pin });
    } catch (error) {
      failed.push(failureIn(repository, error));
    }
    signal.throwIfAborted();
  }
  return { backup, done, without, failures: failed };
}

function checkPin({ until, note, now }: PinOptions): void {
  const { limitBytes } = pieceBounds.remark;
  if (/[\r\n\0]/.test(note) || Buffer.byteLength(note) > limitBytes)
    throw new WalvaultError('usage', `--note takes one line of at most ${limitBytes} bytes`, {
      hint: "Say why the backup must stay, as in --note 'audit 2026, ticket 1234'.",
    });
  if (until !== undefined && until.getTime() <= now.getTime())
    throw new WalvaultError('usage', `--until ${until.toISOString()} is over`, {
      hint: 'A pin counts until a time to come, or without --until until it is taken back.',
    });
}

/**
 * A cleanup announces a removal and then looks for pins; this looks for the announcement after the pin was written. So one
 * of the two sees the other.
 * @throws WalvaultError `check-failed` if the backup may be gone soon, or is
 */
async function requireNoRemoval(
  { repository, system }: BackupPlace,
  backup: string,
  signal: AbortSignal,
): Promise<void> {
  if (!(await surveySystem(repository, system, signal).expiring()).has(backup)) return;
  throw new WalvaultError(
    'check-failed',
    `${repository.store.url}: a cleanup has announced to remove backup ${backup}; the pin is written, and holds unless that cleanup is still at work`,
    { hint: 'Once no cleanup runs, `walvault list backups` shows whether the backup is still there.' },
  );
}
