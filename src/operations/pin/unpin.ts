/** `walvault unpin`: takes back pins by a signed note in each repository. */
import { WalvaultError } from '../../base/errors/errors.ts';
import { unpinNote, type Pin } from '../../repository/format/notes/pin.ts';
import { writeNote } from '../../repository/format/notes/note.ts';
import { surveySystem } from '../../repository/survey.ts';
import { failureIn, findBackupPlaces, type BackupPlace } from '../backup-places.ts';
import { requireBelievable } from '../require-believable.ts';
import { choosePins } from './choose-pins.ts';
import type { ResultOf, UnpinnedIn, UnpinOptions } from './options.ts';

/**
 * Takes the pins back in each repository that has the backup. On return the notes of `done` are durable.
 * @throws WalvaultError `not-found` for a backup or a pin that is nowhere, `refused` if it must be said which of several
 *   pins, `key` if nobody would believe the note
 */
export async function unpinBackup(options: UnpinOptions): Promise<ResultOf<UnpinnedIn>> {
  const { repositories, id: backup, by, now, signal } = options;
  const { places, without, failures } = await findBackupPlaces(repositories, options);
  const failed = [...failures];
  const found: { readonly place: BackupPlace; readonly pins: readonly Pin[] }[] = [];
  for (const place of places) {
    try {
      const pins = await surveySystem(place.repository, place.system, signal).pins(now);
      found.push({ place, pins: pins.get(backup) ?? [] });
    } catch (error) {
      failed.push(failureIn(place.repository, error));
    }
  }
  const chosen = choosePins(
    found.flatMap(({ pins }) => pins),
    options,
  );
  if (chosen.size === 0 && failed.length === 0) throw notPinned(options);
  const done: UnpinnedIn[] = [];
  for (const { place, pins } of found) {
    const { repository, system } = place;
    const takenBack = pins.filter(({ id }) => chosen.has(id));
    const left = pins.filter(({ id }) => !chosen.has(id));
    try {
      if (takenBack.length > 0) {
        await requireBelievable(repository);
        const ids = [...new Set(takenBack.map(({ id }) => id))];
        await writeNote(repository, system, unpinNote(backup, { ids, ...by }), signal);
      }
      done.push({ repository: repository.name, systemId: system.systemId, takenBack, left });
    } catch (error) {
      failed.push(failureIn(repository, error));
    }
    signal.throwIfAborted();
  }
  return { backup, done, without, failures: failed };
}

function notPinned({ id, pin }: UnpinOptions): WalvaultError {
  const what = pin === undefined ? 'is not pinned' : `has no pin ${pin}`;
  return new WalvaultError('not-found', `backup ${id} ${what}`, {
    hint: '`walvault list backups --pinned` shows the pins of each backup.',
  });
}
