/** The lines for postgresql.conf that `init` prints. Pure. */
import { shellWord } from '../../base/shell-word.ts';

/**
 * The text of a command passes through three readers: postgresql.conf (a quote is doubled), the server's expansion of
 * `%` (a literal `%` is doubled, see archive_command in the documentation), and sh.
 */
export function postgresqlLines(configPath: string, defaultConfigPath: string): string[] {
  const option =
    configPath === defaultConfigPath ? '' : ` --config ${shellWord(configPath).replaceAll('%', '%%')}`;
  return [
    'wal_level = replica',
    'archive_mode = on',
    `archive_command = ${quoted(`walvault${option} push %p`)}`,
    '# how much work may be lost at most when the server is lost; costs a segment each time, compressed to little',
    'archive_timeout = 60s',
    '# for a standby; restore writes its own',
    `restore_command = ${quoted(`exec walvault${option} fetch %f "%p"`)}`,
  ];
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
