/** A directory repository whose file server hangs: opening its `walvault.json` never returns. */
import { closeSync, constants, openSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { runOk } from '../site/run.ts';

/** The returned function brings it back, and ends the calls that hang. */
export async function hangDirectory(directory: string): Promise<() => void> {
  const marker = join(directory, 'walvault.json');
  renameSync(marker, `${marker}.away`);
  await runOk('/usr/bin/mkfifo', [marker]);
  return () => {
    renameSync(marker, `${marker}.fifo`);
    renameSync(`${marker}.away`, marker);
    try {
      // A reader's open returns with the first writer.
      closeSync(openSync(`${marker}.fifo`, constants.O_WRONLY | constants.O_NONBLOCK));
    } catch {
      // Nobody is waiting there.
    }
  };
}
