/** The executable's first script: finds the chunks among its assets and runs the program's. */
import { getRawAsset, getAssetKeys } from 'node:sea';
import { createChunkLoader } from './chunk-loader.ts';

const assets = new Set(getAssetKeys());

const requireChunk = createChunkLoader({
  // Chunks are ASCII (the build checks it), and Latin-1 makes a one-byte string without decoding.
  readText: name => Buffer.from(getRawAsset(name)).toString('latin1'),
  readCodeCache: name =>
    assets.has(`${name}.cache`) ? Buffer.from(getRawAsset(`${name}.cache`)) : undefined,
  onCompiled: (name, script) => {
    if (script.cachedDataRejected === true && process.env['WALVAULT_DEBUG'] === '1')
      process.stderr.write(`DEBUG: V8 rejected the code cache of ${name}\n`);
  },
});

requireChunk('./main.js');
