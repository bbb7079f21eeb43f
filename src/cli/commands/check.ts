/** `walvault check`: options and output. */
import { fileBounds } from '../../base/bounds.ts';
import { resolve } from 'node:path';
import { localIoError, WalvaultError } from '../../base/errors/errors.ts';
import { Secret } from '../../base/secret.ts';
import { parseDuration } from '../../base/units.ts';
import { readText } from '../../base/files/read.ts';
import { checkJson, renderCheckLine, renderCheckSummary } from '../render/check.ts';
import { renderJson } from '../render/json.ts';
import { rendered } from '../render/result-text.ts';
import type { DefineVerb, Invocation } from '../verb.ts';

interface CheckCliOptions {
  readonly privateKey?: string;
  readonly privateKeyPassphraseFile?: string;
  readonly postgres: boolean;
  readonly timeout: string;
  readonly json?: boolean;
}

export const defineCheck: DefineVerb = (program, run) => {
  program
    .command('check')
    .description('prove each link, from the configuration to a segment that arrives and can be opened')
    .option('--private-key <file>', 'prove that this private key opens what is written')
    .option('--private-key-passphrase-file <file>', 'file with the passphrase of that key')
    .option('--no-postgres', 'do not check the server')
    .option('--timeout <duration>', 'how long a segment may take to arrive', '60s')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', notes)
    .action(async (options: CheckCliOptions) => {
      await run(async invocation => await checkAll(options, invocation));
    });
};

async function checkAll(options: CheckCliOptions, invocation: Invocation): Promise<void> {
  const { context, log, loadConfig, tell, hide } = invocation;
  const { openRepositories } = await import('../../compose/open-repositories.ts');
  const { check } = await import('../../operations/check/check.ts');
  const timeoutMs = parseDuration(options.timeout);
  const { privateKey, privateKeyPassphraseFile } = options;
  if (privateKey === undefined && privateKeyPassphraseFile !== undefined)
    throw new WalvaultError('usage', '--private-key-passphrase-file needs --private-key');
  const passphrase =
    privateKeyPassphraseFile === undefined ? undefined : await readPassphrase(privateKeyPassphraseFile);
  if (passphrase !== undefined) hide([passphrase]);
  const { config, path, secretFiles } = await loadConfig();
  await using opened = await openRepositories(config, log);
  const lines = await check({
    config,
    configPath: path === undefined ? undefined : resolve(path),
    secretFiles,
    repositories: opened.repositories,
    privateKey: privateKey === undefined ? undefined : { path: privateKey, passphrase },
    withPostgres: options.postgres,
    timeoutMs,
    env: context.env,
    now: new Date(),
    onLine: line => {
      const isWrong = line.status === 'warn' || line.status === 'fail';
      if (options.json !== true) tell(rendered(renderCheckLine, line), isWrong);
    },
    log,
    signal: context.signal,
  });
  tell(
    options.json === true ? renderJson(checkJson(lines)) : rendered(renderCheckSummary, lines),
    options.json,
  );
  const failed = lines.filter(({ status }) => status === 'fail');
  if (failed.length > 0)
    throw new WalvaultError('check-failed', `check: ${failed.length} of ${lines.length} failed`, {
      hint: 'Each line that begins with FAIL says what is wrong.',
    });
}

/** A final newline belongs to the editor, not to the passphrase. */
async function readPassphrase(path: string): Promise<Secret> {
  try {
    return new Secret((await readText(path, fileBounds.secret.limitBytes)).replace(/\r?\n$/, ''));
  } catch (error) {
    throw localIoError('read', path, error);
  }
}

const notes = `
Writes small objects under walvault-probe/ and removes them, and ends one WAL segment. Run it on the server, as the user
PostgreSQL runs as. The exit status is 16 if anything failed; warnings do not fail.

Examples:
  walvault check
  walvault check --private-key /media/usb/orders-private.asc
  walvault check --no-postgres --json
`;
