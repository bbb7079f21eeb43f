/** The check of archive_command: it must call walvault with the configuration that is being checked. Pure. */
import { shellWord } from '../../base/shell-word.ts';
import { setting } from '../../postgres/cluster/recovery-settings.ts';
import { failure, ok, warning, type Finding } from './checklist.ts';

export interface ArchiveCommandInput {
  /** The value on the server. */
  readonly command: string;
  /** The absolute path of the configuration being checked; undefined if it comes from the environment alone. */
  readonly configPath: string | undefined;
  readonly defaultConfigPath: string;
}

export function judgeArchiveCommand({
  command,
  configPath,
  defaultConfigPath,
}: ArchiveCommandInput): Finding {
  const shown = `archive_command is ${JSON.stringify(command)}`;
  const option =
    configPath === undefined || configPath === defaultConfigPath
      ? ''
      : ` --config ${shellWord(configPath).replaceAll('%', '%%')}`;
  const expected = setting('archive_command', `walvault${option} push %p`);
  if (command === '')
    return failure('archive_command is empty: nothing is archived', `Set ${expected} and reload the server.`);
  const words = shellWords(command);
  const at = words.findIndex(word => /(^|\/)walvault[^/]*$/.test(word) && !word.includes('='));
  if (at === -1)
    return warning(
      `${shown}, which does not name walvault`,
      `If no script of yours calls it, set ${expected}.`,
    );
  if (!words.slice(at).includes('push') || !words.slice(at).includes('%p'))
    return failure(`${shown}, which is not how walvault archives`, `Set ${expected} and reload the server.`);
  const named = configNamed(words);
  if (named === undefined) {
    return configPath === defaultConfigPath
      ? ok(shown)
      : warning(
          `${shown}: it names no configuration, so the server's environment or ${defaultConfigPath} decides, not ${configPath ?? "this command's environment"}`,
          `Set ${expected} and reload the server.`,
        );
  }
  return named === configPath
    ? ok(shown)
    : failure(
        `${shown}: it uses ${named}, not ${configPath ?? 'the environment'}`,
        `Set ${expected} and reload the server.`,
      );
}

function configNamed(words: readonly string[]): string | undefined {
  const option = words.indexOf('--config');
  if (option !== -1) return words[option + 1];
  const prefixes = ['--config=', 'WALVAULT_CONFIG='];
  for (const word of words)
    for (const prefix of prefixes) if (word.startsWith(prefix)) return word.slice(prefix.length);
  return undefined;
}

/** Splits the command into words as sh does; the server turns `%%` into `%` (shell_archive.c). */
function shellWords(command: string): string[] {
  const words: string[] = [];
  for (const [word] of command.matchAll(/(?:[^\s'"\\]|\\.|'[^']*'|"(?:[^"\\]|\\.)*")+/g)) {
    words.push(
      word
        .replaceAll(/'([^']*)'|"((?:[^"\\]|\\.)*)"|\\(.)/g, (_, single?: string, double?: string, escaped?: string) =>
          single ?? double?.replaceAll(/\\([\\"$`])/g, '$1') ?? escaped ?? '')
        .replaceAll('%%', '%'),
    ); // prettier-ignore
  }
  return words;
}
