/**
 * `walvault init`: sets up a host with keys, the repositories' format markers and the configuration.
 *
 * The configuration is written last, so that it exists only when everything it names exists. A failed run can be
 * repeated with the same arguments: it uses the keys and markers that exist already.
 */
import { fileBounds } from '../../base/bounds.ts';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { messageOf, systemCode, WalvaultError } from '../../base/errors/errors.ts';
import { writeOwnFile } from '../../base/files/own-directory.ts';
import { readText } from '../../base/files/read.ts';
import { passphraseWeakness } from '../../base/passphrase-strength.ts';
import { defaultConfigPath, renderConfigFile } from '../../config/index.ts';
import {
  ensureKeyPair,
  isThere,
  makeDirectory,
  readRecipients,
  writeRecipients,
  type Recipient,
} from './keys.ts';
import { ensureHostSecret } from './host-secret.ts';
import { requireMedium } from './key-medium.ts';
import { chooseOwner, giveRepositoryTo, giveTo, giveWherePossible, refuseOutsiders } from './ownership.ts';
import { planConfig, planInit, type InitPlan } from './plan.ts';
import { postgresqlLines } from './postgresql-lines.ts';
import type { Log } from '../../observe/events/events.ts';
import type { Account, InitDependencies, InitRequest, InitResult } from './request.ts';

/**
 * Writes keys, markers and configuration. No existing file is changed.
 * @throws WalvaultError `refused` if the configuration exists; `usage`, `key`, `local-io`; StoreError. The hint names
 *   the files that this run has written.
 */
export async function initialise(request: InitRequest, dependencies: InitDependencies): Promise<InitResult> {
  const plan = planInit(request);
  await refuseExisting(request.configPath);
  const owner = await chooseOwner(request, dependencies.log);
  await refuseOutsiders(owner, [plan.configPath, plan.signingKey.privatePath]);
  const given = await inspect(request, plan, dependencies.log);
  const written: string[] = [];
  try {
    return await write({ request, plan, owner, given, written }, dependencies);
  } catch (error) {
    throw explained(error, written);
  }
}

async function refuseExisting(configPath: string): Promise<void> {
  if (await isThere(configPath)) throw existing(configPath);
}

function existing(configPath: string): WalvaultError {
  return new WalvaultError('refused', `configuration ${configPath} exists already; nothing was changed`, {
    hint: 'Prove it with "walvault check", edit it for changes, use "walvault init --existing-config" to set up a repository added to it, or name another file with --config.',
  });
}

/** Only here: an archive that exists must be read and written with what it has. `check` warns of it. */
async function refuseWeak(file: string): Promise<void> {
  const weakness = passphraseWeakness(
    (await readText(file, fileBounds.secret.limitBytes)).replace(/[\r\n]+$/, ''),
  );
  if (weakness === undefined) return;
  throw new WalvaultError('refused', `passphrase file ${file}: its passphrase ${weakness}`, {
    hint: `Whoever has the archive can guess at leisure. Make a better one: (umask 077; openssl rand -base64 33 > ${file})`,
  });
}

/** Makes every check that is possible before anything is written. */
async function inspect(request: InitRequest, plan: InitPlan, log: Log): Promise<Recipient[]> {
  const { dataDirectory, encryption } = request;
  if (dataDirectory !== undefined && !(await isThere(join(dataDirectory, 'PG_VERSION'))))
    throw new WalvaultError('usage', `${dataDirectory} is not a data directory: it has no PG_VERSION`);
  if (encryption.mode === 'passphrase' && !(await isThere(encryption.file)))
    throw new WalvaultError('usage', `passphrase file ${encryption.file} does not exist`, {
      hint: `Make one, and keep a copy elsewhere: (umask 077; openssl rand -base64 33 > ${encryption.file})`,
    });
  if (encryption.mode === 'passphrase') await refuseWeak(encryption.file);
  if (!request.createDirectory)
    for (const directory of plan.repositoryDirectories)
      if (!(await isThere(directory)))
        throw new WalvaultError('usage', `repository directory ${directory} does not exist`, {
          hint: 'Is its disk mounted? Add --create-directory to make it.',
        });
  if (encryption.mode !== 'openpgp') return [];
  if (encryption.generateInto !== undefined) await requireMedium(encryption.generateInto);
  return await readRecipients(encryption.recipientFiles, log);
}

interface Work {
  readonly request: InitRequest;
  readonly plan: InitPlan;
  readonly owner: Account | undefined;
  readonly given: readonly Recipient[];
  /** The files and directories written so far. */
  readonly written: string[];
}

async function write(
  work: Work,
  { markRepository, program, log, signal }: InitDependencies,
): Promise<InitResult> {
  const { request, plan, owner, written } = work;
  const { encryption, cluster } = request;
  const onWritten = (path: string) => void written.push(path);
  // At once: root writes into no directory of its own that another could replace.
  await giveTo(owner, await makeDirectory(plan.keyDirectory));
  const signing = await ensureKeyPair(
    { paths: plan.signingKey, userId: `walvault ${cluster} at ${hostname()}`, use: 'sign', onWritten },
    log,
  );
  const recipients = [...work.given];
  if (plan.recoveryKey !== undefined && encryption.mode === 'openpgp') {
    const { armored, fingerprint } = await ensureKeyPair(
      {
        paths: plan.recoveryKey,
        userId: `walvault ${cluster} recovery`,
        use: 'encrypt',
        passphrase: encryption.privateKeyPassphrase,
        onWritten,
      },
      log,
    );
    await giveWherePossible(owner, Object.values(plan.recoveryKey));
    recipients.push({ fingerprint, content: armored });
  }
  const recipientPaths = await writeRecipients(recipients, plan.keyDirectory, onWritten);
  await ensureHostSecret(plan.hostSecretPath, onWritten);
  await giveTo(owner, [...recipientPaths, ...Object.values(plan.signingKey), plan.hostSecretPath]);
  if (encryption.mode === 'none') log.emit({ kind: 'encryption-off' });

  for (const directory of plan.repositoryDirectories) await giveTo(owner, await makeDirectory(directory));
  const repositories = [];
  for (const repository of request.repositories) {
    signal.throwIfAborted();
    const { id } = await markRepository(repository, signal);
    log.emit({ kind: 'repository-ready', repository: repository.name, url: repository.url, id });
    repositories.push({ name: repository.name, url: repository.url, id });
  }
  for (const directory of plan.repositoryDirectories) await giveRepositoryTo(owner, directory);

  const repositoryIds = repositories.map(({ id }) => id);
  await writeConfig(renderConfigFile(planConfig(request, plan, { recipientPaths, repositoryIds })), work);
  return {
    configPath: plan.configPath,
    repositories,
    recipients: recipients.map(({ fingerprint }) => fingerprint),
    signingKey: { publicPath: plan.signingKey.publicPath, fingerprint: signing.fingerprint },
    privateKeyPath: plan.recoveryKey?.privatePath,
    passphraseFile: encryption.mode === 'passphrase' ? encryption.file : undefined,
    postgresqlLines: postgresqlLines(program, plan.configPath, defaultConfigPath),
  };
}

/** Mode 0600 although the file has no secret yet: people add secrets later, and the file must be private by then. */
async function writeConfig(text: string, { plan, owner, written }: Work): Promise<void> {
  try {
    await writeOwnFile(plan.configPath, text, { mode: 0o600, as: 'create' });
  } catch (error) {
    throw systemCode(error) === 'EEXIST' ? existing(plan.configPath) : error;
  }
  written.push(plan.configPath);
  await giveTo(owner, [plan.configPath]);
}

/** The same error with the written files added to its hint. */
function explained(error: unknown, written: readonly string[]): unknown {
  if (written.length === 0) return error;
  const left = `Left behind: ${written.join(', ')}. Run the same command again to continue with them, or remove them.`;
  if (!(error instanceof WalvaultError))
    return new WalvaultError('internal', `init: ${messageOf(error)}`, { cause: error, hint: left });
  const hint = error.hint === undefined ? left : `${error.hint} ${left}`;
  return new WalvaultError(error.code, error.message, { hint, cause: error, retry: error.retry });
}
