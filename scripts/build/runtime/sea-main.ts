/** The first script of the executable: it finds the packs of chunks among the assets and runs the program. */
import { writeSync } from 'node:fs';
import { getRawAsset, getAssetKeys } from 'node:sea';
import { failingExitStatus } from '../../../src/operations/fetch/exit-status.ts';
import { recoveryModeOfAsking } from '../../../src/postgres/cluster/signal-files.ts';
import { createChunkLoader } from './chunk-loader.ts';
import { startWithoutNodeVariables } from './node-variables.ts';

startWithoutNodeVariables();

const assets = new Set(getAssetKeys());

const requireChunk = createChunkLoader({
  // Chunks are ASCII (the build checks it), and Latin-1 makes a one-byte string without decoding.
  readText: pack => Buffer.from(getRawAsset(pack)).toString('latin1'),
  readCodeCache: pack =>
    assets.has(`${pack}.cache`) ? Buffer.from(getRawAsset(`${pack}.cache`)) : undefined,
  ...(process.env['WALVAULT_DEBUG'] === '1' && { onCompiled: report }),
});

/** Shows what a command loads; a cache that V8 rejects costs every start the compilation. */
function report(pack: string, { cachedDataRejected }: { cachedDataRejected?: boolean | undefined }): void {
  const cache = cachedDataRejected === undefined ? 'none' : cachedDataRejected ? 'rejected' : 'accepted';
  try {
    writeSync(2, `DEBUG: loaded ${pack}, code cache ${cache}\n`);
  } catch {
    // Nobody is there to read it.
  }
}

try {
  requireChunk('./main.js');
} catch (error) {
  // Node would exit with 1, which is an answer of fetch: a damaged executable must not end a recovery (P3).
  const args = process.argv.slice(2);
  console.error(error);
  process.exit(args.includes('fetch') ? failingExitStatus(recoveryModeOfAsking(args.at(-1))) : 1);
}
