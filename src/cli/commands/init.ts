/** `walvault init`: options and output. */
import { Option, type Command } from 'commander';
import type { RepositoryConfig } from '../../config/index.ts';
import type { InitRepository } from '../../operations/init/request.ts';
import { renderInit, renderMarked } from '../render/init.ts';
import { renderJson } from '../render/json.ts';
import { rendered } from '../render/result-text.ts';
import { ownCommand } from '../options/own-command.ts';
import type { DefineVerb, Invocation } from '../verb.ts';
import type { InitOptions } from '../options/init-request.ts';

export const defineInit: DefineVerb = (program, run) => {
  withOptions(program.command('init').description('set up this host: keys, repositories, configuration'))
    .addHelpText('after', notes)
    .action(async (options: InitOptions) => {
      await run(invocation =>
        options.existingConfig === true ? markExisting(options, invocation) : setUp(options, invocation),
      );
    });
};

async function setUp(options: InitOptions, invocation: Invocation): Promise<void> {
  const { context, log, tell, configPath, hide } = invocation;
  const { signal } = context;
  const { requestOf } = await import('../options/init-request.ts');
  const { initialise } = await import('../../operations/init/init.ts');
  const { makeMarker } = await import('../../compose/markers.ts');
  const request = await requestOf(options, {
    configPath: configPath ?? (context.env['WALVAULT_CONFIG'] || undefined),
    signal,
  });
  hide(request.repositories.flatMap(({ secrets = {} }) => Object.values(secrets).map(({ value }) => value)));
  if (request.encryption.mode === 'openpgp')
    hide([request.encryption.privateKeyPassphrase].filter(secret => secret !== undefined));
  const result = await initialise(request, {
    log,
    signal,
    program: ownCommand(context.env),
    markRepository: (repository, signal) => makeMarker(configOf(repository), signal),
  });
  tell(
    options.json === true ? renderJson(result) : rendered(each => renderInit(each, request.cluster), result),
    options.json,
  );
}

/** The repository as the configuration will describe it. */
function configOf(repository: InitRepository): RepositoryConfig {
  const { directory: _directory, secrets = {}, ...rest } = repository;
  const values = Object.entries(secrets).map(([field, { value }]) => [field, value] as const);
  return { ...rest, ...Object.fromEntries(values), id: undefined, required: true, verifyTls: true };
}

async function markExisting(options: InitOptions, invocation: Invocation): Promise<void> {
  const { context, log, tell } = invocation;
  const { config } = await invocation.loadConfig();
  const { markConfigured } = await import('../../operations/init/existing-config.ts');
  const { findMarker, makeMarker } = await import('../../compose/markers.ts');
  const marked = await markConfigured(config, {
    log,
    signal: context.signal,
    markRepository: makeMarker,
    readMarker: findMarker,
  });
  tell(options.json === true ? renderJson(marked) : rendered(renderMarked, marked), options.json);
}

function withOptions(command: Command): Command {
  const many = (value: string, before: readonly string[]) => [...before, value];
  const list = (flags: string, help: string) => new Option(flags, help).argParser(many).default([], 'none');
  return command
    .addOption(list('--repository <url>', 'where to keep the archive, or NAME=URL; may be repeated'))
    .option(
      '--cluster <name>',
      'name of the database cluster, the same on all servers of a replication group',
    )
    .option('--data-directory <path>', 'data directory of the cluster')
    .addOption(
      list(
        '--recipient <file>',
        'public key to encrypt to, its private key being elsewhere; may be repeated',
      ),
    )
    .option('--generate-keys <directory>', 'make a key pair there, on a mounted medium that leaves this host')
    .option(
      '--key-passphrase-file <file>',
      'protect the generated private key by the passphrase in this file',
    )
    .addOption(
      new Option(
        '--passphrase-file <file>',
        'encrypt with the passphrase in this file instead of keys',
      ).conflicts(['recipient', 'generateKeys']),
    )
    .addOption(
      new Option('--no-encryption', 'store everything readable').conflicts([
        'recipient',
        'generateKeys',
        'passphraseFile',
      ]),
    )
    .option('--access-key-id <id>', 'S3 access key (default: environment, shared files, instance role)')
    .option(
      '--secret-access-key-file <file>',
      'file with the S3 secret key; like every such file it is named in the configuration, not copied',
    )
    .option('--session-token-file <file>', 'file with the session token of a temporary S3 key')
    .option('--customer-key-file <file>', 'file with the key that S3 encrypts with and forgets (SSE-C)')
    .option(
      '--credentials-file <file>',
      'JSON of a Google service account or workload identity (default: application default credentials)',
    )
    .option(
      '--account-key-file <file>',
      "file with a key of the Azure storage account (default: environment, the host's identity)",
    )
    .option('--sas-token-file <file>', 'file with a shared access signature for the Azure container')
    .option('--connection-string-file <file>', 'file with an Azure connection string')
    .option('--ca-file <file>', "PEM file of certificate authorities to trust instead of the system's")
    .option('--create-directory', 'make the directory of a file:// repository')
    .option(
      '--recovery-window <duration>',
      'write a retention policy: cleanup keeps what recovery to any moment this far back needs',
    )
    .option(
      '--owner <user>',
      'as root: who PostgreSQL runs as and gets the files (default: owner of --data-directory)',
    )
    .addOption(
      new Option(
        '--existing-config',
        'write no files, only set up the repositories of a configuration that exists (file or environment)',
      ).conflicts([
        'repository',
        'cluster',
        'recipient',
        'generateKeys',
        'passphraseFile',
        'recoveryWindow',
        'owner',
      ]),
    )
    .option('--json', 'print the result as JSON');
}

const notes = `
Writes the configuration to --config (else WALVAULT_CONFIG, else /etc/walvault.toml) and the keys into a directory
beside it. Never overwrites: if it fails, the same command continues where it stopped.

Examples:
  sudo walvault init --cluster orders --repository s3://acme-wal/pg?region=eu-central-1 \\
    --recipient recovery-public.asc --owner postgres
  sudo walvault init --cluster orders --repository gs://acme-wal/pg --credentials-file /etc/walvault/gcs-account.json \\
    --recipient recovery-public.asc --owner postgres
  sudo walvault init --cluster orders --repository azure://acmestore/wal/pg --account-key-file /etc/walvault/azure-key \\
    --recipient recovery-public.asc --owner postgres
  walvault init --cluster orders --repository file:///mnt/archive --generate-keys /media/usb --config ./walvault.toml
  walvault init --cluster orders --repository file:///mnt/archive --repository offsite=s3://acme-wal/pg \\
    --recipient recovery-public.asc
  WALVAULT_CLUSTER=orders WALVAULT_REPOSITORY_URL=s3://acme-wal/pg walvault init --existing-config
`;
