/** Whole directories, copied with modes and times: Node 24's `cpSync` gives directories other modes. */
import { execFileSync } from 'node:child_process';

/** `to` need not exist; its parent must. */
export function copyDirectory(from: string, to: string): void {
  execFileSync('cp', ['--archive', '--no-target-directory', from, to]);
}
