/** The manifest of a backup. */
import { isSafePath, readManifest } from '../../../../../src/repository/format/manifest.ts';
import { vectorsOf } from '../../../vectors/vector.ts';
import { goldenContents } from '../golden.ts';
import { inRandomChunks, type FuzzTarget } from '../target.ts';

export const manifest: FuzzTarget = {
  name: 'manifest',
  reads: 'the manifest of a backup, decoded',
  parsers: [
    'repository/format/manifest.ts#readManifest',
    'repository/format/manifest.ts#decodeManifestLine',
    'repository/format/manifest.ts#isSafePath',
    'base/bytes/lines.ts#readLines',
  ],
  open: async () => ({
    form: 'json',
    corpus: [
      ...vectorsOf('manifest').map(({ body }) => body),
      ...(await goldenContents(/manifest\.ndjson\.zst$/, 2, 1024 ** 2)),
    ],
    async parse(input, { random }) {
      const id = /"backup"\s*:\s*"([^"]*)"/.exec(input.toString('latin1', 0, 200))?.[1] ?? '';
      for await (const { path, mode, sizeBytes } of readManifest(inRandomChunks(input, random), id)) {
        if (!isSafePath(path) || path.startsWith('/'))
          throw new Error(`a path out of the directory: ${path}`);
        if (mode > 0o7777 || !Number.isSafeInteger(sizeBytes)) throw new Error('an impossible number');
      }
    },
  }),
};
