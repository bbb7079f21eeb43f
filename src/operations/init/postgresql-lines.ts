/** The lines for postgresql.conf that `init` prints. Pure. */
import { shellWord } from '../../base/shell-word.ts';
import { setting } from '../../postgres/cluster/recovery-settings.ts';

/**
 * The text of a command passes through three readers: postgresql.conf (quotes and backslashes are doubled), the
 * server's expansion of `%` (a literal `%` is doubled, see archive_command in the documentation), and sh. The program is
 * named by its path: Debian's pg_ctlcluster starts the server with a PATH that lacks /usr/local/bin.
 */
export function postgresqlLines(
  program: readonly string[],
  configPath: string,
  defaultConfigPath: string,
): string[] {
  const option = configPath === defaultConfigPath ? [] : ['--config', configPath];
  const walvault = [...program, ...option].map(shellWord).join(' ').replaceAll('%', '%%');
  return [
    'wal_level = replica',
    'archive_mode = on',
    setting('archive_command', `${walvault} push %p`),
    '# how much work may be lost at most when the server is lost; costs a segment each time, compressed to little',
    'archive_timeout = 60s',
    '# for a standby; restore writes its own',
    setting('restore_command', `exec ${walvault} fetch %f "%p"`),
  ];
}
