/** The line of progress on a terminal: a bar where its width leaves room for one, and never more than one line. Pure. */
import type { ProgressEvent } from './events/run.ts';

/** What a terminal is taken for that does not tell its width. */
export const usualColumns = 80;

const [shortestBar, longestBar] = [8, 30];

/** `[#####-----] restore: 1.2 GiB of 4.0 GiB (29%)`: the bar, then the words, which have no line breaks. */
export function progressLine(progress: ProgressEvent, words: string, columns: number): string {
  // In its last column some terminals begin a new line.
  const width = Math.max(1, columns - 1);
  const share = shareDone(progress);
  const barWidth = Math.min(longestBar, width - words.length - '[] '.length);
  if (share === undefined || barWidth < shortestBar) return cut(words, width);
  const filled = Math.floor(share * barWidth);
  return `[${'#'.repeat(filled)}${'-'.repeat(barWidth - filled)}] ${words}`;
}

/** The part of the work that is done, from 0 to 1; undefined where nobody knows how much there is. */
export function shareDone(progress: ProgressEvent): number | undefined {
  const { doneBytes = 0, totalBytes, doneObjects = 0, totalObjects } = progress;
  if (totalBytes !== undefined) return part(doneBytes, totalBytes);
  return totalObjects === undefined ? undefined : part(doneObjects, totalObjects);
}

function part(done: number, total: number): number {
  return total <= 0 ? 1 : Math.min(1, done / total);
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}
