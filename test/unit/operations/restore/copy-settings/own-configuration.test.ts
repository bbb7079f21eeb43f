import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, test } from 'vitest';
import { readCopyConfiguration } from '../../../../../src/operations/restore/copy-settings/copy-configuration.ts';
import {
  absentFiles,
  unknownLibraries,
} from '../../../../../src/operations/restore/copy-settings/obstacles.ts';
import {
  makeOwnConfiguration,
  type OwnConfiguration,
} from '../../../../../src/operations/restore/copy-settings/own-configuration.ts';
import { startCommand } from '../../../../../src/operations/restore/copy-settings/start-command.ts';
import { readConfiguration, settingsOf } from '../../../../../src/postgres/cluster/configuration-files.ts';
import { temporaryDirectory } from '../../../../support/site/temp.ts';

const etc = '/etc/postgresql/15/main';
let directory: string;

beforeEach(() => {
  directory = temporaryDirectory('copy');
});

function put(path: string, text: string | Buffer): void {
  mkdirSync(dirname(join(directory, path)), { recursive: true });
  writeFileSync(join(directory, path), text);
}

const putExternal = (path: string, text: string | Buffer) => put(`walvault_external${path}`, text);

async function make(externalFiles: readonly string[], copies = true): Promise<OwnConfiguration> {
  return await makeOwnConfiguration(directory, await readCopyConfiguration(directory, externalFiles), {
    copies,
  });
}

/** What a server that starts with -D takes. */
async function inForce(): Promise<Map<string, string>> {
  const text = await readConfiguration(join(directory, 'postgresql.conf'));
  assert.ok(text !== undefined);
  assert.deepEqual(text.missing, []);
  return settingsOf(text);
}

describe('a configuration that lay outside, as on Debian', () => {
  const files = [`${etc}/postgresql.conf`, `${etc}/pg_hba.conf`];
  const debian = [
    "data_directory = '/var/lib/postgresql/15/main'\t\t# use data in another directory",
    `hba_file = '${etc}/pg_hba.conf'`,
    `ident_file = '${etc}/pg_ident.conf'`,
    'max_connections = 100',
    "include_dir = 'conf.d'",
    "include_if_exists 'no-such.conf'",
    '',
  ].join('\n');

  test('becomes one file in the copy that leads nowhere else, without the absent conf.d', async () => {
    putExternal(`${etc}/postgresql.conf`, debian);
    putExternal(`${etc}/pg_hba.conf`, 'local all all peer\n');
    assert.deepEqual(await make(files), { source: 'copied', notIncluded: [`${etc}/conf.d`] });
    const settings = await inForce();
    assert.equal(settings.get('data_directory'), undefined);
    assert.equal(settings.get('hba_file'), join(directory, `walvault_external${etc}/pg_hba.conf`));
    assert.equal(settings.get('max_connections'), '100');
  });

  test('with the files of conf.d that were saved, in their order, and pg_hba.conf beside it', async () => {
    putExternal(
      `${etc}/postgresql.conf`,
      "work_mem = 4MB\ninclude_dir 'conf.d'\ninclude = 'last.conf'\nport = 5432",
    );
    putExternal(`${etc}/conf.d/20.conf`, "work_mem = '2MB'");
    putExternal(`${etc}/conf.d/10.conf`, "WORK_MEM '1MB' # first\n");
    putExternal(`${etc}/conf.d/.hidden.conf`, 'work_mem = 9MB\n');
    putExternal(`${etc}/last.conf`, "data_directory = /elsewhere\ninclude 'größe.conf'\n");
    putExternal(`${etc}/größe.conf`, "cluster_name = 'größe'\n");
    putExternal(`${etc}/pg_hba.conf`, 'local all all peer\n');
    assert.deepEqual(await make(files), { source: 'copied', notIncluded: [] });
    const settings = await inForce();
    assert.equal(settings.get('work_mem'), '2MB');
    assert.equal(settings.get('port'), '5432');
    assert.equal(settings.get('cluster_name'), 'größe');
    assert.equal(settings.get('data_directory'), undefined);
    assert.equal(settings.get('hba_file'), join(directory, `walvault_external${etc}/pg_hba.conf`));
  });

  test('stays where it is if that is asked for, and without a saved one nothing is made', async () => {
    putExternal(`${etc}/postgresql.conf`, debian);
    assert.equal((await make(files, false)).source, 'left');
    assert.ok(!existsSync(join(directory, 'postgresql.conf')));
    directory = temporaryDirectory('copy');
    assert.equal((await make([])).source, 'none');
  });

  test('keeps bytes that are not UTF-8', async () => {
    const odd = Buffer.from([0x23, 0xe9, 0xff, 0x0a]);
    putExternal(`${etc}/postgresql.conf`, Buffer.concat([odd, Buffer.from('port = 5432\n')]));
    await make(files);
    assert.ok(readFileSync(join(directory, 'postgresql.conf')).includes(odd));
  });
});

describe('a configuration in the data directory', () => {
  test('stays byte for byte if it leads nowhere else', async () => {
    const text = "port = 5432\nhba_file = 'pg_hba.conf'\n# data_directory = 'ConfigDir'\n";
    put('postgresql.conf', text);
    assert.deepEqual(await make([]), { source: 'own', notIncluded: [] });
    assert.equal(readFileSync(join(directory, 'postgresql.conf'), 'utf8'), text);
  });

  test("no longer names the origin's directory and its files", async () => {
    put(
      'postgresql.conf',
      "data_directory='/origin'\nhba_file = '/origin/pg_hba.conf'\ninclude '/etc/extra.conf'\n",
    );
    put('pg_hba.conf', 'local all all peer\n');
    putExternal('/etc/extra.conf', 'work_mem = 7MB\n');
    assert.deepEqual(await make(['/etc/extra.conf']), { source: 'own', notIncluded: [] });
    const settings = await inForce();
    assert.equal(settings.get('data_directory'), undefined);
    assert.equal(settings.get('hba_file'), join(directory, 'pg_hba.conf'));
    assert.equal(settings.get('work_mem'), '7MB');
  });

  test("no longer names the origin's directory where it names nothing else", async () => {
    put('postgresql.conf', "data_directory = '/origin'\n");
    await make([]);
    assert.equal((await inForce()).get('data_directory'), undefined);
  });
});

describe('the command that starts it', () => {
  const at = (source: 'copied' | 'left', externalFiles: readonly string[]) =>
    startCommand({ dataDirectory: '/srv/new copy', postgresMajor: 99, source, externalFiles });

  test('is pg_ctl -D, with a configuration and its data directory where it has none of its own', () => {
    assert.equal(at('copied', []), "pg_ctl -D '/srv/new copy' start");
    const file = `${etc}/postgresql.conf`;
    assert.equal(
      at('left', [file]).replaceAll(String.raw`'\''`, '"'),
      `pg_ctl -D '/srv/new copy' -o '-c config_file=${file} -c data_directory="/srv/new copy"' start`,
    );
  });
});

describe('what a person must look at', () => {
  const values = (settings: Readonly<Record<string, string>>) => ({
    values: new Map(Object.entries(settings)),
  });

  test('files that TLS needs and this host lacks, and socket directories', () => {
    const certificate = { ssl_cert_file: '/no/such.pem', unix_socket_directories: '/tmp, /no/sockets' };
    assert.deepEqual(absentFiles(values({ ssl: 'on', ...certificate }), directory), [
      { setting: 'ssl_cert_file', path: '/no/such.pem' },
      { setting: 'unix_socket_directories', path: '/no/sockets' },
    ]);
    assert.equal(absentFiles(values({ ssl: 'off', ...certificate }), directory).length, 1);
  });

  test('libraries that nobody has looked at', () => {
    const loaded = values({ shared_preload_libraries: 'pg_stat_statements, "$libdir/mine.so", pg_cron' });
    assert.deepEqual(unknownLibraries(loaded), ['mine']);
  });
});
