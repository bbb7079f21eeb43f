/** Connection service files: `[name]` sections of `parameter=value` (fe-connect.c, parseServiceFile). */
import { fileBounds } from '../../../base/bounds.ts';
import { join } from 'node:path';
import { homeDirectory } from '../../../base/account.ts';
import { localIoError, systemCode, WalvaultError } from '../../../base/errors/errors.ts';
import { readText } from '../../../base/files/read.ts';
import { checkOptionNames } from './known-options.ts';
import type { ConnectionParameters } from './connection-string.ts';

/**
 * The parameters of a service: from the named file (PGSERVICEFILE) or `~/.pg_service.conf`, else from `pg_service.conf` in
 * PGSYSCONFDIR.
 * @throws WalvaultError `config` if no file defines it or a line is wrong, `local-io`
 */
export async function readService(
  name: string,
  env: NodeJS.ProcessEnv,
  named = env['PGSERVICEFILE'],
): Promise<ConnectionParameters> {
  const own = named ?? join(homeDirectory(env), '.pg_service.conf');
  const files = [own, join(env['PGSYSCONFDIR'] ?? '/etc/postgresql-common', 'pg_service.conf')];
  for (const file of files) {
    const text = await readIfThere(file, file === named);
    const service = text === undefined ? undefined : parseService(text, name, file);
    if (service !== undefined) return service;
  }
  throw new WalvaultError('config', `postgres service "${name}" is not defined`, {
    hint: `Looked in ${files.join(' and ')}.`,
  });
}

async function readIfThere(path: string, isNamed: boolean): Promise<string | undefined> {
  try {
    return await readText(path, fileBounds.libpq.limitBytes);
  } catch (error) {
    if (systemCode(error) === 'ENOENT' && !isNamed) return undefined;
    throw localIoError('read', path, error);
  }
}

/** The first section of this name; undefined if there is none. */
export function parseService(text: string, name: string, source: string): ConnectionParameters | undefined {
  let found: ConnectionParameters | undefined;
  for (const [index, raw] of text.split(/\r?\n/).entries()) {
    const line = raw.trim();
    if (line === '' || line.startsWith('#')) continue;
    if (line.startsWith('[')) {
      if (found !== undefined) return found;
      if (line === `[${name}]`) found = new Map();
    } else if (found !== undefined) {
      const equals = line.indexOf('=');
      if (equals < 1)
        throw new WalvaultError('config', `${source}: line ${index + 1} is not parameter=value`);
      const option = line.slice(0, equals).trim();
      checkOptionNames([option], `${source}: line ${index + 1}`);
      found.set(option, line.slice(equals + 1).trim());
    }
  }
  return found;
}
