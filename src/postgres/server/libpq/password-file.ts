/** `~/.pgpass`: lines of `host:port:database:user:password`, `*` for any, `\` before `:` and `\` (fe-connect.c). */
import { fileBounds } from '../../../base/bounds.ts';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { homeDirectory } from '../../../base/account.ts';
import { Secret } from '../../../base/secret.ts';
import { readText } from '../../../base/files/read.ts';

export interface PasswordQuery {
  /**
   * The host as given. For a socket its directory, and also `localhost`, which libpq uses for the default directory.
   */
  readonly hosts: readonly string[];
  readonly port: number;
  readonly database: string;
  readonly user: string;
}

/**
 * The password for a connection, if the file has one. As in libpq, a missing file is ignored, and so is a file that
 * group or others may read.
 */
export async function readPasswordFile(
  query: PasswordQuery,
  path: string | undefined,
  env: NodeJS.ProcessEnv,
): Promise<Secret | undefined> {
  const file = path ?? env['PGPASSFILE'] ?? join(homeDirectory(env), '.pgpass');
  try {
    const { mode } = await stat(file);
    if ((mode & 0o077) !== 0) return undefined;
    return findPassword(await readText(file, fileBounds.libpq.limitBytes), query);
  } catch {
    // The server will ask for the password and report that none came: that message is the useful one.
    return undefined;
  }
}

export function findPassword(text: string, query: PasswordQuery): Secret | undefined {
  const wanted = [query.hosts, [String(query.port)], [query.database], [query.user]];
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('#')) continue;
    const fields = (line.match(/(?:\\.|[^\\:])*(?::|$)/gsu) ?? []).map(unescapeField);
    if (
      fields.length >= 5 &&
      wanted.every((values, i) => fields[i] === '*' || values.includes(fields[i] ?? ''))
    )
      return new Secret(fields[4] ?? '');
  }
  return undefined;
}

function unescapeField(field: string): string {
  return field.replace(/:$/, '').replaceAll(/\\(.)/gsu, '$1');
}
