/** Planted: `npm run lint` must reject a promise nobody awaits. */
import { writeFile } from 'node:fs/promises';

export function writeAndForget(path: string): void {
  writeFile(path, '');
}
