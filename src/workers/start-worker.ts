/** Starts a worker thread. */
import { getAsset, isSea } from 'node:sea';
import { Worker } from 'node:worker_threads';
import type { Config } from '../config/index.ts';
import { packSecrets } from './packed-config.ts';

/** The first argument by which main.ts recognises a worker thread. It is no command: only a thread can have it. */
export const workerVerb = 'worker';

/**
 * A worker's bytes lie outside of V8's heap. By default the heap would grow to several times this size before a
 * collection.
 */
const youngGenerationMiB = 4;

/** What a thread gets with its start. */
export interface WorkerStart {
  readonly config: unknown;
  readonly isDirect: boolean;
}

/**
 * Gives each of `count` threads its share of the limits in `config`. `isDirect`: the thread makes its file calls itself.
 */
export function startWorker(config: Config, count: number, isDirect = false): Worker {
  const start: WorkerStart = { config: packSecrets(shareOf(config, count)), isDirect };
  const options = {
    argv: [workerVerb],
    workerData: start,
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
