/** `walvault config show`: options and output. */
import { describeSettings } from '../../config/index.ts';
import { renderJson } from '../render/json.ts';
import { renderTable } from '../render/table.ts';
import { rendered } from '../render/result-text.ts';
import type { DefineVerb } from '../verb.ts';

export const defineConfig: DefineVerb = (program, run) => {
  const config = program.command('config').description('look at the configuration');
  config
    .command('show')
    .description('print each setting in force and where it comes from; secrets as ***')
    .option('--json', 'as JSON: an array of {name, value, origin}, value as it would be written in the file')
    .addHelpText('after', examples)
    .action(async ({ json }: { json?: boolean }) => {
      await run(async ({ loadConfig, print }) => {
        const shown = describeSettings(await loadConfig());
        if (json === true)
          print(renderJson(shown.map(({ name, text, origin }) => ({ name, value: text ?? null, origin }))));
        else
          print(
            rendered(
              rows => renderTable(columns, rows),
              shown.map(({ name, text, origin }) => [name, text ?? '(unset)', origin]),
            ),
          );
      });
    });
};

const columns = [{ title: 'SETTING' }, { title: 'VALUE' }, { title: 'ORIGIN' }];

const examples = `
ORIGIN is "default", the file and line, or the environment variable.

Examples:
  walvault config show
  WALVAULT_COMPRESSION_LEVEL=3 walvault config show | grep compression
  walvault --config ./walvault.toml config show --json
`;
