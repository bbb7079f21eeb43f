/** The least that compressing or decompressing the same files can cost, with the programs that everybody has. */
import { rmSync } from 'node:fs';
import { runOk } from '../../test/harness/run.ts';
import { temporaryDirectory } from '../../test/harness/temp.ts';

/** `zstd -1 --check`, two at a time, each writing its file, as push does. @returns segments a second */
export async function compressAll(walDirectory: string, names: readonly string[]): Promise<number> {
  const destination = temporaryDirectory('zstd');
  const zstd = ['zstd', '--quiet', '-1', '--check', '--output-dir-flat', destination];
  const { elapsedMs } = await runOk('xargs', ['-P', '2', '-n', '1', ...zstd], {
    cwd: walDirectory,
    input: names.join('\n'),
    timeoutMs: 600_000,
  });
  rmSync(destination, { recursive: true });
  return (names.length / elapsedMs) * 1000;
}
