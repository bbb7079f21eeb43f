/** Levels and sentences of the events of `init`. */
import type { InitEvent } from '../events/init.ts';
import { info, warn, type WordsTable } from './table.ts';

export const initWords: WordsTable<InitEvent> = {
  'owner-taken': ({ dataDirectory, uid }) =>
    info(`files will belong to the owner of ${dataDirectory} (uid ${uid})`),
  'owner-missing': () =>
    warn(
      'running as root without --owner: only root will be able to read what is written',
      'PostgreSQL runs walvault as its own user. Give --owner postgres, or chown the configuration, the keys and a directory repository.',
    ),
  'key-kept': ({ path, fingerprint }) =>
    info(`using the key that is there already: ${path} (${fingerprint})`),
  'encryption-off': () =>
    warn(
      'nothing will be encrypted',
      'Whoever can read the repository can read the database, its past included.',
    ),
  'repository-ready': ({ repository, url, id }) =>
    info(`repository "${repository}" is ready: ${url}, id ${id}`),
};
