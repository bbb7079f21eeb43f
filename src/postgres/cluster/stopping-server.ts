/**
 * The end of an archiver's patience. A server that stops waits for its archiver, which repeats a failed push three
 * times, and for one more round of it after the shutdown checkpoint (pgarch.c): six pushes, while `pg_ctl stop` waits
 * 60 seconds. So once the server is stopping, no push waits long for a store that does not answer.
 */
import { dirname } from 'node:path';
import { WalvaultError } from '../../base/errors/errors.ts';
import { monotonicMs } from '../../base/time/clock.ts';
import { formatDuration } from '../../base/units.ts';
import { isServerStopping } from './postmaster-pid.ts';

/** With a stopping server, the longest time of a push without progress. */
const patientMs = 5000;

/** The least time of a push for its own work, however long PostgreSQL waited before it began. */
const leastMs = 2000;

const lookEveryMs = 1000;

export interface StopWatch {
  /** Aborts with an `interrupted` error. */
  readonly signal: AbortSignal;
  /** Reports progress: the time begins again. */
  restart(): void;
  /** Must be called when the push is over. */
  clear(): void;
}

/**
 * Watches the server that waits for the push of `walPath` (`%p`).
 * @param spentMs for how long PostgreSQL has waited already
 */
export function watchForStop(walPath: string, spentMs = 0): StopWatch {
  const controller = new AbortController();
  const limitMs = Math.max(patientMs - spentMs, leastMs);
  let beganAt = monotonicMs();
  const look = () => {
    const leftMs = beganAt + limitMs - monotonicMs();
    if (leftMs > 0) timer = setTimeout(look, leftMs);
    else if (isStopping(walPath))
      controller.abort(
        new WalvaultError(
          'interrupted',
          `push ${walPath}: the server is stopping, and there was no answer within ${formatDuration(limitMs)}`,
          { hint: 'PostgreSQL keeps the file, and archives it after its next start.' },
        ),
      );
    else timer = setTimeout(look, lookEveryMs);
  };
  let timer = setTimeout(look, limitMs);
  return {
    signal: controller.signal,
    restart: () => void (beganAt = monotonicMs()),
    clear: () => clearTimeout(timer),
  };
}

/** The data directory is the working directory of a push, or, for an agent, the second parent of the file. */
function isStopping(walPath: string): boolean {
  return isServerStopping('.') || isServerStopping(dirname(dirname(walPath)));
}
