/** Progress in words: `backup: 1.2 GiB of 4.0 GiB (30%), 812 files, 95.0 MiB/s, 31 s left`. Pure. */
import { formatCount, formatDuration, formatSize } from '../base/units.ts';
import type { ProgressEvent } from './events/run.ts';
import { shareDone } from './progress-bar.ts';

/** What is not known is left out. */
export function progressText(progress: ProgressEvent): string {
  const [first = 'at work', ...others] = amounts(progress);
  const share = shareDone(progress);
  const percent = share === undefined ? '' : ` (${Math.floor(share * 100)}%)`;
  return `${progress.stage}: ${[`${first}${percent}`, ...others, ...pace(progress)].join(', ')}`;
}

function* amounts(progress: ProgressEvent): Generator<string> {
  const { doneBytes, totalBytes, doneObjects, totalObjects, doneFiles, totalFiles } = progress;
  if (doneBytes !== undefined)
    yield totalBytes === undefined
      ? formatSize(doneBytes)
      : `${formatSize(doneBytes)} of ${formatSize(totalBytes)}`;
  if (doneObjects !== undefined) yield counted(doneObjects, totalObjects, 'object');
  if (doneFiles !== undefined) yield counted(doneFiles, totalFiles, 'file');
}

function counted(done: number, total: number | undefined, noun: string): string {
  return total === undefined ? formatCount(done, noun) : `${done} of ${formatCount(total, noun)}`;
}

/** One rate is enough for people: that of the bytes, if there is one. */
function* pace({ bytesPerSecond, objectsPerSecond, remainingMs }: ProgressEvent): Generator<string> {
  if (bytesPerSecond !== undefined) yield `${formatSize(bytesPerSecond)}/s`;
  else if (objectsPerSecond !== undefined) yield `${formatCount(objectsPerSecond, 'object')}/s`;
  // Tenths of a second would only flicker.
  if (remainingMs !== undefined)
    yield `${remainingMs < 60_000 ? `${Math.ceil(remainingMs / 1000)} s` : formatDuration(remainingMs)} left`;
}
