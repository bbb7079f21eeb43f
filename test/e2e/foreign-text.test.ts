/** Whoever can write a label or a name into a repository can write nothing else into a terminal or a log. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { test } from 'vitest';
import { writeBackupRecord, readCatalog } from '../../src/repository/format/catalog.ts';
import { createFsStore } from '../../src/stores/fs/store.ts';
import { commitBackup } from '../support/copied-repository.ts';
import { makeRepository, signal, system } from '../support/site/archive.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import { giveToUnprivileged } from '../support/site/unprivileged.ts';
import { runWalvault } from '../support/site/walvault.ts';

const forged = '\nwalvault: ERROR: the archive is lost\u001B[2J\u202E\u2028';

test('a forged line in a label, in a listing and on the command line', async () => {
  const directory = join(temporaryDirectory('repository'), 'archive');
  mkdirSync(directory);
  giveToUnprivileged(directory);
  const repository = await makeRepository({ store: createFsStore({ root: directory }) });
  await commitBackup(repository);
  const [entry] = (await readCatalog(repository, system, signal)).backups;
  assert(entry !== undefined);
  const id = '20261123T020000Z-full-3f2a92';
  await writeBackupRecord(repository, system, { ...entry.record, id, label: `nightly${forged}` }, signal);
  const env = {
    WALVAULT_CLUSTER: system.cluster,
    WALVAULT_REPOSITORY_URL: pathToFileURL(directory).href,
    WALVAULT_ENCRYPTION_MODE: 'none',
    WALVAULT_SIGNING_VERIFY: 'off',
  };
  for (const args of [['list'], ['list', '--json'], ['store', 'stat', `no${forged}`], [`no${forged}`]]) {
    const { stdout, stderr } = await runWalvault(args, { env });
    const shown = stdout + stderr;
    assert.doesNotMatch(shown, /^walvault: ERROR/m, shown);
    assert.doesNotMatch(shown, /[^\P{Cc}\n\t]|[\p{Cf}\p{Zl}]/u, JSON.stringify(shown));
    if (args[0] === 'list') assert.match(stdout, /nightly.*the archive is lost/);
  }
});
