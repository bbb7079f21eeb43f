/** The first script of the executable: it finds the packs of chunks among the assets and runs the program. */
import { writeSync } from 'node:fs';
import { getRawAsset, getAssetKeys } from 'node:sea';
import { createChunkLoader } from './chunk-loader.ts';

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

requireChunk('./main.js');
