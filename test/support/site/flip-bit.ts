/** Changes one bit of a file in place, as a bad disk would; a second time changes it back. */
import { closeSync, openSync, readSync, writeSync } from 'node:fs';

export function flipBit(path: string, position: number): void {
  const handle = openSync(path, 'r+');
  const byte = Buffer.alloc(1);
  readSync(handle, byte, 0, 1, position);
  byte[0] = (byte[0] ?? 0) ^ 0x40;
  writeSync(handle, byte, 0, 1, position);
  closeSync(handle);
}
