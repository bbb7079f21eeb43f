/** README, walked word for word on a bare Debian: its blocks are run as they stand, by the user they name. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { it } from 'vitest';
import { createDebianRoot, installInto, whyNoDebianRoot } from '../support/servers/debian-root.ts';
import { walvaultExecutable } from '../support/site/walvault.ts';

const readme = readFileSync(resolve(import.meta.dirname, '../../README.md'), 'utf8');
const missing = whyNoDebianRoot();

if (missing === undefined) {
  it('README leads from a bare Debian to restored rows', { timeout: 30 * 60_000 }, async () => {
    const root = await createDebianRoot('bookworm', ['postgresql-15', 'sudo']);
    installInto(root, walvaultExecutable(), 'walvault');
    const { stdout, stderr, exitCode } = await root.run(walk(), { timeoutMs: 15 * 60_000 });
    assert.equal(exitCode, 0, `${stdout}\n${stderr}`);
    assert.match(stdout, /nothing is mounted at \/media\/usb/, 'init without the medium');
    assert.match(stdout, /\b0 warnings, 0 failed/, 'check');
    assert.match(stdout, /^restored: 1000$/m);
    assert.match(stdout, /^by cron: 2$/m);
    assert.match(stdout, /^replaced: 00000002/m);
    assert.match(stdout, /^rescued: gone, went_on$/m);
  });
} else {
  it('README on a bare Debian', () => {
    throw new Error(missing);
  });
}

/** The steps as one script, which ends at the first that fails. */
function walk(): string {
  const [init = '', ...othersOfSetup] = blocks('sh setup');
  const [restore = ''] = blocks('sh restore');
  const [replace = ''] = blocks('sh replace');
  const [rescue = ''] = blocks('sh rescue');
  const settings = /```ini (\S+)\n([^]*?)```/.exec(readme);
  assert(settings !== null && othersOfSetup.length === 3, 'README has the blocks of its set-up');
  const [, settingsPath = '', settingsText = ''] = settings;
  return [
    functions,
    'pg_dropcluster 15 main && pg_createcluster 15 main --start && mkdir /media/usb /mnt/archive',
    `${asAdmin(init)} && fail 'init found a medium that is not there'`,
    'mount -t tmpfs -o mode=0755 tmpfs /media/usb',
    step(init),
    `cat > ${settingsPath} <<'END'\n${unindented(settingsText)}END`,
    ...othersOfSetup.map(step),
    nightly(),
    `echo "by cron: $(su postgres -c 'walvault list backups --json' | grep -c '"id"')"`,
    `sql 5432 "create table t as select generate_series(1, 1000) as x"`,
    `moment=$(sql 5432 'select clock_timestamp()'); sleep 1`,
    `sql 5432 'drop table t'; last=$(sql 5432 'select pg_walfile_name(pg_switch_wal())')`,
    `wait_for 5432 t "select last_archived_wal >= '$last' from pg_stat_archiver"`,
    timed(step(restore)),
    "wait_for 5433 paused 'select pg_get_wal_replay_pause_state()'",
    // The DROP TABLE, before whose commit it pauses, has locked the table until then.
    "sql 5433 'select pg_wal_replay_resume()' && wait_for 5433 f 'select pg_is_in_recovery()'",
    `echo "restored: $(sql 5433 'select count(*) from t')"`,
    step(replace),
    "wait_for 5432 f 'select pg_is_in_recovery()'",
    "[ -e /var/run/postgresql/15-main.pid ] || fail 'the file that the service manager waits for'",
    `sql 5432 'create table went_on()'; last=$(sql 5432 'select pg_walfile_name(pg_switch_wal())')`,
    `wait_for 5432 t "select last_archived_wal >= '$last' from pg_stat_archiver" && echo "replaced: $last"`,
    'rm -r /etc/walvault.toml /etc/walvault-keys',
    step(rescue),
    `wait_for 5434 f 'select pg_is_in_recovery()' && echo "rescued: $(sql 5434 "select coalesce(to_regclass('t')::text, 'gone'), to_regclass('went_on')" | sed 's/|/, /')"`,
  ].join('\n');
}

const functions = `
cd /
fail() { echo "FAILED: $1"; exit 1; }
sql() { setpriv --reuid=postgres --regid=postgres --clear-groups psql -X -p "$1" -Atc "$2"; }
wait_for() { for i in $(seq 300); do [ "$(sql "$1" "$3" 2>/dev/null)" = "$2" ] && return; sleep 0.2; done; fail "waited for: $3"; }
`;

function step(block: string): string {
  return `${asAdmin(block)} || fail 'a block of README'`;
}

function asAdmin(block: string): string {
  return `su - admin -c 'bash -e' 2>&1 <<END\n${block.replaceAll('$', String.raw`\$`)}END\n[ $? = 0 ]`;
}

/** The line for cron, run as Debian's cron runs it: by sh, with these variables alone, and what it says would be mailed. */
function nightly(): string {
  const [line = ''] = blocks('cron');
  const job = /^\d+ \d+ \* \* \* (\S+) ([^%]+)\n$/.exec(line);
  assert(job !== null, 'README has one line for cron, without a percent sign, which would end its command');
  const [, user, command] = job;
  return `home=$(getent passwd ${user} | cut -d: -f6)
mail=$(cd $home && setpriv --reuid=${user} --regid=${user} --init-groups env -i HOME=$home LOGNAME=${user} SHELL=/bin/sh PATH=/usr/bin:/bin \\
  /bin/sh -c '${command}' 2>&1) || fail "cron's command: $mail"
[ -z "$mail" ] || fail "cron would mail: $mail"`;
}

/** With the moment of this run in place of the example's. */
function timed(script: string): string {
  return script.replaceAll('2026-11-22 14:59:00+00', '$moment');
}

function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp(`^ *\`\`\`${language}\\n([^]*?)^ *\`\`\``, 'gm'))].map(
    ([, text = '']) => unindented(text),
  );
}

function unindented(text: string): string {
  return text.replaceAll(/^ {3}/gm, '');
}
