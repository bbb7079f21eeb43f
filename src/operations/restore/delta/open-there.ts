/** The opening of a file that was found in a data directory, whatever it is. */
import { closeSync, constants, fstatSync, openSync, type Stats } from 'node:fs';
import { localIoError, systemCode } from '../../../base/errors/errors.ts';

export interface OpenedFile {
  readonly fd: number;
  readonly stats: Stats;
}

/** Synchronously. Undefined for no file of its own: nothing, a link, a pipe, or a file that has another name, too. */
export function openThere(path: string): OpenedFile | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (notRegular.has(systemCode(error) ?? '')) return undefined;
    throw localIoError('read', path, error);
  }
  const stats = fstatSync(fd);
  if (stats.isFile() && stats.nlink === 1) return { fd, stats };
  closeSync(fd);
  return undefined;
}

/** ELOOP: a link. ENXIO: a socket, or a pipe. EACCES: its content cannot be known. */
const notRegular = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'ENXIO', 'EACCES']);
