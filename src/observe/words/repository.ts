/** Levels and sentences of the events about repositories. */
import { formatSize } from '../../base/units.ts';
import type { RepositoryEvent } from '../events/repository.ts';
import { debug, warn, type WordsTable } from './table.ts';

export const repositoryWords: WordsTable<RepositoryEvent> = {
  'tls-not-verified': ({ repository }) =>
    warn(
      `repository "${repository}": nobody's certificate is verified (verify-tls = off)`,
      'Whoever is on the way can read the credentials and answer in its place; ca-file names an authority to trust.',
    ),
  'repository-traffic': ({ repository, requests, failed, sentBytes, receivedBytes }) =>
    debug(
      `repository "${repository}": ${requests} requests (${failed} with an error), ${formatSize(sentBytes)} sent, ${formatSize(receivedBytes)} received`,
    ),
  'recipient-expiry': ({ fingerprint, userId, expiresAt, hasExpired }) => {
    const date = expiresAt.slice(0, 10);
    const when = hasExpired ? `expired on ${date}; objects are still encrypted to it` : `expires on ${date}`;
    return warn(`key ${fingerprint} (${userId}) ${when}`);
  },
  'signature-not-good': ({ object, status, problem }) =>
    warn(`${status === 'unsigned' ? 'objects are not signed' : problem}, first seen at ${object}`),
  'not-believed': ({ repository, what, count, object, problem }) =>
    warn(
      `repository "${repository}": ${count === 1 ? `one of its ${what} counts` : `${count} of its ${what} count`} for nothing: ${object} ${problem}`,
      'Somebody may have planted it. If one of your hosts wrote it, name its public signing key in signing.trusted-signers; else remove it with `walvault store rm --force`.',
    ),
  'taken-by-its-claim': ({ repository, object }) =>
    warn(
      `repository "${repository}": ${object} was there already, and is the same file by its own account alone: no trusted signer signed it, and this host cannot open it`,
      'Whoever can write to the repository can plant such an object. With a signing key, signing.trusted-signers and signing.verify = "require" none is believed.',
    ),
  'loss-record-unreadable': ({ path }) =>
    warn(
      `${path}: not a record of WAL that was given up`,
      'It says which WAL was given up: look at it and remove it by hand.',
    ),
  'high-water-not-noted': ({ repository, failure }) =>
    warn(
      `repository "${repository}" does not note how far it is archived: ${failure.message}`,
      'All is archived; but if the newest WAL there were lost, a recovery might not notice it.',
    ),
  'loss-not-noted': ({ repository, failure }) =>
    warn(
      `repository "${repository}" does not know yet that WAL was given up: ${failure.message}`,
      failure.hint,
    ),
  'loss-noted': ({ repository, description }) =>
    warn(
      `repository "${repository}": noted that ${description}`,
      'If it is still in pg_wal, `walvault push --missing` closes the gap. Otherwise take a backup: recovery cannot cross it.',
    ),
};
