/** Where the paths of a manifest go on this host. Pure. */
import { join } from 'node:path';
import { controlFilePath } from '../../postgres/cluster/control-file.ts';
import { tablespaceOf } from '../../repository/format/manifest.ts';

/** The temporary name of `global/pg_control`, which means nothing to PostgreSQL. */
export const waitingControlFilePath = 'global/pg_control.walvault-restore';

/** Plain data, for other threads. All paths are absolute. */
export interface Places {
  readonly dataDirectory: string;
  readonly tablespaces: readonly { readonly oid: number; readonly directory: string }[];
}

/**
 * The destination of a manifest path; undefined for one that is not to be written. The path's form has been checked:
 * relative, without `..` (isSafePath).
 */
export function placeOf(path: string, { dataDirectory, tablespaces }: Places): string | undefined {
  if (path === controlFilePath) return join(dataDirectory, waitingControlFilePath);
  if (path === waitingControlFilePath) return undefined;
  const oid = tablespaceOf(path);
  const found = oid === undefined ? undefined : tablespaces.find(tablespace => tablespace.oid === oid);
  if (found === undefined) return join(dataDirectory, path);
  const rest = path.split('/').slice(2).join('/');
  return rest === '' ? undefined : join(found.directory, rest);
}
