/** tar archives: the parts of a backup, readable by any tar. */
export { readTar, type TarMember } from './read.ts';
export { tarHeader, tarPadding, tarTrailer } from './write.ts';
export type { TarEntry } from './entry.ts';
