/** Starts a worker thread. */
import { getAsset, isSea } from 'node:sea';
import { Worker } from 'node:worker_threads';
import type { Config } from '../config/index.ts';
import { packSecrets } from './packed-config.ts';

/** How the process edge calls it. It is no command: only a thread can have this first argument. */
export const workerVerb = 'worker';

/** Its bytes lie outside of V8's heap, which by default would grow to several times this before it is looked through. */
const youngGenerationMiB = 4;

/** Each of `count` threads has its share of what `config` limits. */
export function startWorker(config: Config, count: number): Worker {
  const options = {
    argv: [workerVerb],
    workerData: packSecrets(shareOf(config, count)),
    resourceLimits: { maxYoungGenerationSizeMb: youngGenerationMiB },
  };
  return isSea()
    ? new Worker(getAsset('boot.cjs', 'latin1'), { ...options, eval: true })
    : new Worker(process.argv[1] ?? '', options);
}

function shareOf(config: Config, count: number): Config {
  const { store } = config;
  const share = (whole: number | undefined) =>
    whole === undefined ? undefined : Math.max(1, Math.floor(whole / count));
  return {
    ...config,
    store: {
      ...store,
      maxRequests: share(store.maxRequests),
      uploadBytesPerSecond: share(store.uploadBytesPerSecond),
      downloadBytesPerSecond: share(store.downloadBytesPerSecond),
    },
  };
}
