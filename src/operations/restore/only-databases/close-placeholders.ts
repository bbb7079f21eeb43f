/**
 * Closes placeholders, in a server of one session without a network (`postgres --single`): it needs no role and no
 * authentication, and nothing else runs meanwhile.
 *
 * They get the mark of a database whose DROP was interrupted (`datconnlimit = -2`, DATCONNLIMIT_INVALID_DB in pg_database.h): nobody
 * can connect, superusers included, nobody can copy them, autovacuum passes them over, their age keeps no transaction number from
 * being frozen, and DROP DATABASE takes them. Minor versions of before August 2023 do not know this mark: `datallowconn` keeps sessions out
 * there.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { realpath } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { WalvaultError } from '../../../base/errors/errors.ts';
import { shellWord } from '../../../base/shell-word.ts';
import { orAborted } from '../../../base/time/wait.ts';
import type { NamedDatabase } from '../../../repository/format/name-map.ts';
import { serverEnvironment } from '../start/start-server.ts';
import type { StartRestored } from '../start/start-restored.ts';

export interface ClosedPlaceholders {
  /** By the names that they have now. */
  readonly placeholders: readonly NamedDatabase[];
  readonly removedSubscriptions: number;
}

/**
 * @param sessionDatabases names of databases to hold the session in: the first that is there is taken
 * @throws WalvaultError `postgres`
 */
export async function closePlaceholders(
  oids: ReadonlySet<number>,
  options: StartRestored,
  sessionDatabases: readonly string[],
): Promise<ClosedPlaceholders> {
  if (oids.size === 0) return { placeholders: [], removedSubscriptions: 0 };
  let failure = '';
  for (const database of sessionDatabases) {
    const { status, output, words } = await runAlone(options, database, closingSql([...oids]));
    if (status === 0) return parseClosed(output);
    failure = words;
    if (!failure.includes(`database "${database}" does not exist`)) break;
  }
  throw new WalvaultError('postgres', `the placeholders could not be closed: ${lastError(failure)}`, {
    hint: `The server is stopped. Restore again; ${options.dataDirectory} must not be used.`,
  });
}

/** One statement a line. A subscription of a placeholder would act in it, and keep it from being dropped. */
export function closingSql(oids: readonly number[]): string {
  const list = oids.join(', ');
  const subscriptions = `pg_catalog.pg_subscription where subdbid in (${list})`;
  return [
    `delete from pg_catalog.pg_shdepend where classid = 'pg_catalog.pg_subscription'::pg_catalog.regclass and objid in (select oid from ${subscriptions})`,
    `delete from ${subscriptions} returning 'subscription'`,
    `update pg_catalog.pg_database set datconnlimit = -2, datallowconn = false, datistemplate = false where oid in (${list}) returning pg_catalog.concat('placeholder ', oid, ' ', pg_catalog.encode(pg_catalog.decode(pg_catalog.replace(datname::pg_catalog.text, E'\\\\', E'\\\\\\\\'), 'escape'), 'hex'))`,
    '',
  ].join('\n');
}

/** Reads what a server of one session prints (debugtup in printtup.c). Pure. */
export function parseClosed(output: string): ClosedPlaceholders {
  const placeholders = [...output.matchAll(/= "placeholder (\d{1,10}) ((?:[0-9a-f]{2}){1,1000})"/g)].map(
    ([, oid, name]) => ({ oid: Number(oid), name: Buffer.from(name ?? '', 'hex').toString('utf8') }),
  );
  return { placeholders, removedSubscriptions: [...output.matchAll(/= "subscription"/g)].length };
}

interface RunAlone {
  readonly status: number | null;
  readonly output: string;
  readonly words: string;
}

async function runAlone(options: StartRestored, database: string, sql: string): Promise<RunAlone> {
  const { pgCtl, dataDirectory, serverOptions, env, signal } = options;
  const postgres = join(dirname(await realpath(pgCtl)), 'postgres');
  const settings = ['exit_on_error=on', 'lc_messages=C', 'log_destination=stderr', 'logging_collector=off'];
  const words = [
    ...['exec', shellWord(postgres), '--single', '-D', shellWord(dataDirectory), serverOptions],
    ...settings.map(setting => `-c ${setting}`),
    shellWord(database),
  ];
  const child = spawn('/bin/sh', ['-c', words.join(' ')], {
    stdio: 'pipe',
    cwd: '/',
    env: serverEnvironment(env),
  });
  const texts = { output: '', words: '' };
  child.stdout.on('data', chunk => void (texts.output = cut(texts.output + String(chunk), mostOutput)));
  child.stderr.on('data', chunk => void (texts.words = cut(texts.words + String(chunk), mostWords)));
  // A server that ends at once reads nothing.
  child.stdin.on('error', () => undefined);
  child.stdin.end(sql);
  const ended = once(child, 'close').then(([status]) => status as number | null);
  try {
    return { status: await orAborted(ended, signal), ...texts };
  } catch (error) {
    child.kill('SIGTERM');
    await ended.catch(() => undefined);
    signal.throwIfAborted();
    throw new WalvaultError('postgres', `${postgres} cannot be run`, { cause: error });
  }
}

/** A hundred thousand databases take 20 MB. */
const mostOutput = 64 * 1024 ** 2;
const mostWords = 64 * 1024;

function cut(text: string, length: number): string {
  return text.length > length ? text.slice(-length) : text;
}

function lastError(words: string): string {
  const lines = words.split('\n').filter(line => /(?:FATAL|PANIC|ERROR): /.test(line));
  return lines.at(-1)?.trim() ?? 'the server said nothing of an error';
}
