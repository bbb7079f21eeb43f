/** The lowest possible cost of compressing or decompressing the same files, with the usual programs. */
import { rmSync } from 'node:fs';
import { runOk } from '../../test/support/site/run.ts';
import { temporaryDirectory } from '../../test/support/site/temp.ts';

const timeoutMs = 600_000;

/** `zstd -1 --check`, two at a time, each writing its file, as push does. @returns segments a second */
export async function compressAll(walDirectory: string, names: readonly string[]): Promise<number> {
  const { directory, perSecond } = await compressInto(walDirectory, names);
  rmSync(directory, { recursive: true });
  return perSecond;
}

/** The same, and the files stay in `directory`, with the suffix `.zst`. */
export async function compressInto(walDirectory: string, names: readonly string[]) {
  const directory = temporaryDirectory('zstd');
  const zstd = ['zstd', '--quiet', '-1', '--check', '--output-dir-flat', directory];
  const input = names.join('\n');
  const { elapsedMs } = await runOk('xargs', ['-P', '2', '-n', '1', ...zstd], {
    cwd: walDirectory,
    input,
    timeoutMs,
  });
  return { directory, perSecond: (names.length / elapsedMs) * 1000 };
}

/** `zstd -d`, fsync and a rename, two at a time, as fetch does. @returns segments a second */
export async function decompressAll(directory: string, names: readonly string[]): Promise<number> {
  const half = names.length >> 1;
  const loop = (some: readonly string[]) =>
    runOk(
      '/bin/sh',
      ['-ec', `for f in ${some.join(' ')}; do zstd -qd $f.zst -o $f.tmp; sync $f.tmp; mv $f.tmp $f; done`],
      { cwd: directory, timeoutMs },
    );
  const startedAt = performance.now();
  await Promise.all([loop(names.slice(0, half)), loop(names.slice(half))]);
  const perSecond = (names.length / (performance.now() - startedAt)) * 1000;
  for (const name of names) rmSync(`${directory}/${name}`);
  return perSecond;
}
