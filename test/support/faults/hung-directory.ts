/** A directory repository whose file server hangs: what is called there never returns. */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { onTestFinished } from 'vitest';
import { requireRoot } from '../site/unprivileged.ts';

/**
 * Mounts a FUSE file system that answers nothing. The returned function, or the end of the test, brings the directory back,
 * and ends the calls that hang with an error.
 */
export function hangDirectory(directory: string): () => void {
  requireRoot('a file system that hangs is mounted');
  const device = openSync('/dev/fuse', 'r+');
  const options = 'fd=3,rootmode=40000,user_id=0,group_id=0,allow_other';
  const mounted = spawnSync('mount', ['-i', '-t', 'fuse', '-o', options, 'hung', directory], {
    stdio: ['ignore', 'ignore', 'pipe', device],
    encoding: 'utf8',
  });
  if (mounted.status !== 0) throw new Error(`mount: ${mounted.stderr}`);
  let isBack = false;
  const bringBack = () => {
    if (isBack) return;
    isBack = true;
    spawnSync('umount', ['-l', directory]);
    closeSync(device);
  };
  onTestFinished(bringBack);
  return bringBack;
}
