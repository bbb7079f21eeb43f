/** Objects of the golden archives, as stored, and what they hold: inputs that earlier versions really wrote. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { streamOf } from '../../../../src/base/bytes/streams.ts';
import { decompressZstd } from '../../../../src/pipeline/zstd/streaming.ts';

const archive = resolve(import.meta.dirname, '../../../golden/v1/plain/repository');

/** The files whose path matches, below the archive without encryption; at most `most`, spread over all of them. */
export function goldenObjects(pattern: RegExp, most = 12): Buffer[] {
  const paths = readdirSync(archive, { recursive: true, encoding: 'utf8' })
    .filter(path => pattern.test(path))
    .toSorted();
  if (paths.length === 0) throw new Error(`no golden object is named ${String(pattern)}`);
  const step = Math.max(1, paths.length / most);
  return Array.from({ length: Math.min(most, paths.length) }, (_, index) =>
    readFileSync(join(archive, paths[Math.floor(index * step)] ?? '')),
  );
}

/** The first bytes of what these objects hold, decompressed. */
export async function goldenContents(pattern: RegExp, most: number, limitBytes: number): Promise<Buffer[]> {
  const contents: Buffer[] = [];
  for (const object of goldenObjects(pattern, most)) {
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    for await (const chunk of decompressZstd()(streamOf(object))) {
      chunks.push(chunk);
      sizeBytes += chunk.length;
      if (sizeBytes >= limitBytes) break;
    }
    contents.push(Buffer.concat(chunks).subarray(0, limitBytes));
  }
  return contents;
}
