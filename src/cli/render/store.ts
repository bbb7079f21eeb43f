/** The results of `store`, for people and as JSON. */
import type { listStore, statObject } from '../../operations/store/look.ts';
import type { ThawResult } from '../../operations/store/thaw.ts';

type Listed = ReturnType<typeof listStore> extends AsyncIterable<infer Entry> ? Entry : never;

/** One line for each entry, so that a listing of any length is printed while it is read. */
export function entryLine(entry: Listed, isLong: boolean): string {
  const name = 'prefix' in entry ? entry.prefix : entry.key;
  if (!isLong) return `${name}\n`;
  const [size, time] = 'prefix' in entry ? ['', ''] : [String(entry.sizeBytes), entry.modified.toISOString()];
  return `${size.padStart(13)}  ${time.padEnd(24)}  ${name}\n`;
}

/** An element of the published array (docs/reference/json.md). */
export function entryJson(entry: Listed): string {
  return JSON.stringify('prefix' in entry ? { prefix: entry.prefix } : entry);
}

const coldWords = {
  frozen: ', must be thawed before it can be read (`walvault store thaw`)',
  thawing: ', being thawed',
  perhaps: ', perhaps to be thawed before it can be read',
} as const;

type Stat = Awaited<ReturnType<typeof statObject>>;

export function renderStat({ key, sizeBytes, modified, metadata, tier, cold }: Stat): string {
  const lines = [
    `key       ${key}`,
    `size      ${sizeBytes}`,
    `modified  ${modified.toISOString()}`,
    ...(tier === undefined ? [] : [`tier      ${tier}${cold === undefined ? '' : coldWords[cold]}`]),
    ...Object.entries(metadata)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, value]) => `metadata  ${name}: ${value}`),
  ];
  return `${lines.join('\n')}\n`;
}

export function renderThaw({ objects, requested, underWay, readable }: ThawResult): string {
  return `${objects} objects: ${requested} asked for now, ${underWay} before, ${readable} can be read\n`;
}
