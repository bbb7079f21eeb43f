/** The check for settings that are valid but unwise; the configuration itself is validated before this runs. */
import { hasRules, retentionFor } from '../../config/index.ts';
import type { CheckOptions } from './options.ts';
import { failure, ok, warning, type Checklist } from './checklist.ts';

const link = 'configuration';

export function checkConfiguration(
  list: Checklist,
  { config, configPath, repositories }: CheckOptions,
): void {
  const required = config.repositories.filter(repository => repository.required);
  list.add(
    link,
    ok(
      `${configPath ?? 'the environment'}: cluster "${config.cluster}", ${config.repositories.length} ${config.repositories.length === 1 ? 'repository' : 'repositories'}, ${required.length} required`,
    ),
  );
  for (const { name } of config.repositories)
    if (!repositories.some(repository => repository.name === name))
      list.add(link, failure(`repository "${name}" cannot be opened`, 'The warning above says why.'));
  if (config.encryption.mode === 'none')
    list.add(
      link,
      warning(
        'encryption.mode is "none": everything is stored readable',
        'Whoever can read the repository can read the database, its past included.',
      ),
    );
  const unlimited = config.repositories.filter(({ name }) => !hasRules(retentionFor(config, name)));
  if (unlimited.length > 0) {
    const which = unlimited.map(({ name }) => `"${name}"`).join(', ');
    const where = unlimited.length === config.repositories.length ? '' : ` for ${which}`;
    list.add(
      link,
      warning(
        `no retention policy${where}: nothing is ever removed${where === '' ? '' : ' there'}`,
        'Set retention.recovery-window or another rule, and run `walvault cleanup` from cron.',
      ),
    );
  }
}
