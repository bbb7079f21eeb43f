/** Levels and sentences of the events of `verify`. */
import { formatCount } from '../../base/units.ts';
import type { VerifyEvent } from '../events/verify.ts';
import { error, info, warn, type WordsTable } from './table.ts';

export const verifyWords: WordsTable<VerifyEvent> = {
  'content-not-decoded': ({ repository }) =>
    warn(
      `repository "${repository}": the stored bytes have the digests that were recorded for them; what they decode to was not looked at, because this host has no key for it`,
      'Run it on a host with encryption.private-keys to prove that the data can be restored.',
    ),
  'cold-data-not-read': ({ repository, objectCount }) =>
    warn(
      `repository "${repository}": ${formatCount(objectCount, 'object')} in an archive tier could not be read`,
      '`walvault store thaw` makes them readable.',
    ),
  'verification-not-noted': ({ repository, failure }) =>
    warn(
      `repository "${repository}": what was verified cannot be noted there, so that the next run reads it again: ${failure.message}`,
      failure.hint,
    ),
  'damaged-object-removed': ({ repository, object }) =>
    info(
      `repository "${repository}": ${object} was damaged and is removed, to be created anew from a good copy`,
    ),
  'repository-not-verified': ({ repository, failure }) =>
    error(`repository "${repository}" could not be verified: ${failure.message}`, failure.hint),
};
