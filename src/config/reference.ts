/** Renders the reference page of all settings, `docs/reference/settings.md`; a test keeps the page equal to this. */
import { environmentName } from './environment.ts';
import type { Setting } from './setting.ts';
import { repositorySettings } from './repository-settings.ts';
import { settings } from './settings.ts';

export function settingsReference(): string {
  const lines = [...introduction];
  let section = '';
  for (const [key, setting] of Object.entries<Setting>(settings)) {
    const next = key.includes('.') ? key.slice(0, key.indexOf('.')) : '';
    if (next !== section) lines.push(`## [${next}]`, '');
    section = next;
    lines.push(
      ...describe(key.slice(section === '' ? 0 : section.length + 1), setting, environmentName(key)),
    );
  }
  lines.push(...repositoryIntroduction);
  for (const [field, setting] of Object.entries<Setting>(repositorySettings)) {
    const variable = field === 'name' ? undefined : environmentName(`repository.${field}`);
    lines.push(...describe(field, setting, variable));
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

const introduction = [
  '# Settings',
  '',
  '<!-- Made from the tables in src/config/settings.ts and repository-settings.ts by test/unit/config/reference.test.ts: run it with UPDATE_DOCS=1 after a change. -->',
  '',
  'walvault reads one TOML file: the one named by `--config`, else by `WALVAULT_CONFIG`, else `/etc/walvault.toml`.',
  'Every setting can also be given in the environment, where it wins over the file; without a file the environment',
  'alone is enough. An empty variable counts as unset. `walvault config show` prints what is in force and from where.',
  '',
  '- A **duration** is written `"30s"`, `"5min"`, `"12h"`, `"14d"`; a **size** `"64MiB"`, `"1GiB"`.',
  '- A **switch** is `"on"` or `"off"` (or `true`, `false`).',
  '- **Files** in the configuration file may be relative to its directory; in the environment a list is separated by commas.',
  '- A **secret** is text, `{ file = "…" }`, `{ command = "…" }` (run by `sh`, its output is the secret) or',
  '  `{ env = "NAME" }`. As text it is accepted only in a file that neither group nor others can read (its group may, where root owns it). In the environment',
  '  `…_FILE` and `…_COMMAND` behind the name of the variable do the same. Secrets are read when they are used (a push runs no',
  '  command that only a restore needs), and never printed. A list is written `[{ file = "new" }, { file = "old" }]`.',
  '- A setting or a `WALVAULT_` variable that does not exist is an error, not a silent nothing.',
  '',
  '## Top level',
  '',
];

const repositoryIntroduction = [
  '## [[repository]]',
  '',
  'One table for each repository. The variables below mean the only repository, or the one named `main`; for a certain',
  'one its name goes in between, as in `WALVAULT_REPOSITORY_OFFSITE_URL`.',
  '',
];

function describe(name: string, setting: Setting, variable: string | undefined): string[] {
  const facts = [kindText(setting), limits(setting), defaultText(setting)].filter(fact => fact !== '');
  return [
    `### ${name}`,
    '',
    setting.help,
    '',
    `- ${facts.join('; ')}`,
    ...(variable === undefined ? [] : [`- Environment: \`${variable}\``]),
    `- Example: \`${name} = ${setting.example}\``,
    '',
  ];
}

function kindText(setting: Setting): string {
  if (setting.choices !== undefined)
    return `One of ${setting.choices.map(choice => `\`${choice}\``).join(', ')}`;
  return kindTexts[setting.kind];
}

const kindTexts: Record<Setting['kind'], string> = {
  name: 'Name',
  text: 'Text',
  url: 'URL',
  path: 'File',
  paths: 'Files',
  integer: 'Whole number',
  decimal: 'Number',
  duration: 'Duration',
  size: 'Size',
  switch: 'Switch',
  choice: 'Choice',
  'time-zone': 'Time zone',
  secret: 'Secret',
  secrets: 'Secret, or a list of secrets',
};

function limits({ kind, min, max }: Setting): string {
  const write = (limit: number) =>
    kind === 'duration' ? `${limit / 1000} s` : kind === 'size' ? `${limit / 1024 ** 2} MiB` : String(limit);
  if (min !== undefined && max !== undefined) return `from ${write(min)} to ${write(max)}`;
  return min === undefined ? '' : `at least ${write(min)}`;
}

function defaultText(setting: Setting): string {
  if (setting.required === true) return '**required**';
  return setting.default === undefined ? 'unset by default' : `default \`${setting.default}\``;
}
