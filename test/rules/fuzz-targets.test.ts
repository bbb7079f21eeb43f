/** Every parser of src that reads from outside has a target of fuzzing, or a reason why it needs none. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'vitest';
import { fuzzTargets } from '../support/torture/fuzz/targets.ts';

const source = resolve(import.meta.dirname, '../../src');

/** Where what is read comes from a store, a service, a server or a data directory. */
const rooms = [
  'agent/client',
  'base/bytes',
  'base/units.ts',
  'config',
  'operations/restore',
  'pipeline',
  'postgres',
  'repository',
  'stores',
];
const parserName =
  /^export (?:async )?(?:function\*?|const) ((?:parse|decode|decompress|read|verify)[A-Z]\w*)/gm;

function parsersOfSource(): string[] {
  return globSync('**/*.ts', { cwd: source })
    .filter(file => rooms.some(room => file.startsWith(room)))
    .flatMap(file =>
      [...readFileSync(join(source, file), 'utf8').matchAll(parserName)].map(([, name]) => `${file}#${name}`),
    );
}
/** Parsers without a target, each with the reason. */
const withoutTarget: Readonly<Record<string, string>> = {
  'agent/client/fingerprint.ts#readFingerprint': 'of files it reads nothing but the identity',
  'operations/restore/copy-settings/copy-configuration.ts#readCopyConfiguration':
    'reads by readConfiguration',
  'repository/backup/entry-spool.ts#readSpooled': 'reads what a manifest that was read is kept as',
  'operations/restore/only-databases/read-databases.ts#readDatabases': 'reads by readNameMapDatabases',
  'operations/restore/read-wal.ts#readSegments': 'reads by openWalObject',
  'operations/restore/delta/known-pages.ts#readKnownPages': 'reads by ParentState',
  'operations/restore/delta/marker.ts#readMarker': 'reads by parseMarker',
  'operations/restore/unpack-lineage.ts#verifyLineage': 'reads by verifyManifest',
  'postgres/cluster/control-file.ts#readControlFile': 'repeats parseControlFile for a second',
  'postgres/cluster/page-checksum.ts#verifyPages': 'reads fields at fixed places of whole pages',
  'postgres/server/archiver.ts#readArchiver': 'reads a row of the driver, as readServerState does',
  'postgres/server/database-facts.ts#readDatabaseFacts': 'reads rows of the driver, as readServerState does',
  'postgres/server/databases.ts#readDatabases': 'reads rows of the driver, as readServerState does',
  'postgres/server/databases.ts#readTablespaces': 'reads rows of the driver, as readServerState does',
  'postgres/server/relations.ts#readRelations': 'reads rows of the driver, as readServerState does',
  'postgres/server/rights.ts#readRights': 'reads a row of the driver, as readServerState does',
  'postgres/server/libpq/password-file.ts#readPasswordFile': 'reads by findPassword',
  'stores/fs/held-directory.ts#readEntriesOf': 'reads names that the file system gives',
  'stores/fs/held-directory.ts#readEntry': 'reads what the file system gives',
  'stores/fs/sidecar.ts#readSidecars': 'reads by parseSidecar',
};

const covered = new Set(fuzzTargets.flatMap(({ parsers }) => parsers));

test('each parser of what comes from outside is fuzzed, or needs it not', () => {
  const found = parsersOfSource();
  assert.ok(found.length >= 60, `${found.length} parsers`);
  const missing = found.filter(name => !covered.has(name) && !Object.hasOwn(withoutTarget, name));
  assert.deepEqual(missing, [], 'add a target in test/support/torture/fuzz/targets');
});

test('what the targets and the reasons name is there', () => {
  const gone = [...covered, ...Object.keys(withoutTarget)].filter(name => {
    const [file = '', exported = ''] = name.split('#');
    const text =
      globSync(file, { cwd: source }).map(path => readFileSync(join(source, path), 'utf8'))[0] ?? '';
    return !new RegExp(`^export .*\\b${exported}\\b`, 'm').test(text);
  });
  assert.deepEqual(gone, []);
});
