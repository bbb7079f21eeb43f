/** The result of `init`, for people. */
import { shellWord } from '../../base/shell-word.ts';
import type { MarkedRepository } from '../../operations/init/existing-config.ts';
import type { InitResult } from '../../operations/init/request.ts';
import { defaultConfigPath } from '../../config/index.ts';

/** The result of the setup, and the steps left for a person, in their order. */
export function renderInit(result: InitResult, cluster: string): string {
  const { configPath, privateKeyPath, repositories, recipients, signingKey } = result;
  const option = configPath === defaultConfigPath ? '' : ` --config ${shellWord(configPath)}`;
  const steps = [
    [
      'Put these lines into postgresql.conf and restart PostgreSQL:',
      '',
      ...result.postgresqlLines.map(line => `    ${line}`),
    ],
    [
      'As the user PostgreSQL runs as, prove that all of it works, then take the first backup:',
      '',
      `    walvault${option} check${privateKeyPath === undefined ? '' : ` --private-key ${shellWord(privateKeyPath)}`}`,
      `    walvault${option} backup`,
    ],
    ...(privateKeyPath === undefined ? [] : [privateKeySteps(privateKeyPath)]),
    ...(result.passphraseFile === undefined ? [] : [passphraseSteps(result.passphraseFile)]),
  ];
  const lines = [
    `Cluster "${cluster}" is set up.`,
    '',
    `  configuration  ${configPath}`,
    ...repositories.map(({ name, url, id }) => `  repository     ${name}: ${url} (id ${id})`),
    ...recipients.map(fingerprint => `  encrypted to   ${fingerprint}`),
    `  signed by      ${signingKey.fingerprint}`,
    `                 (other hosts that restore trust it with a copy of ${signingKey.publicPath})`,
    '',
    'What is left to do:',
    ...steps.flatMap(([first = '', ...rest], index) => ['', `${index + 1}. ${first}`, ...rest]),
  ];
  return `${lines.join('\n')}\n`;
}

function privateKeySteps(path: string): string[] {
  return [
    'Move the private key off this host, and keep two copies in different places. Without it nothing can be restored;',
    '   with it everything can be read:',
    '',
    `    ${path}`,
  ];
}

function passphraseSteps(path: string): string[] {
  return ['Keep a copy of the passphrase elsewhere. Without it nothing can be restored:', '', `    ${path}`];
}

export function renderMarked(marked: readonly MarkedRepository[]): string {
  return marked
    .map(({ name, url, id, isPinned }) => {
      const advice = isPinned
        ? ''
        : `\n  To recognise it ever after, put into its [[repository]] table: id = "${id}"`;
      return `Repository "${name}" is ready: ${url} (id ${id})${advice}\n`;
    })
    .join('');
}
