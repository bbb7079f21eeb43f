import assert from 'node:assert/strict';
import type { ListObjectVersionsCommand, ListObjectVersionsCommandOutput } from '@aws-sdk/client-s3';
import * as fc from 'fast-check';
import { describe, it } from 'vitest';
import type { S3Connection } from '../../../../src/stores/s3/connection.ts';
import { listPast, versionAt } from '../../../../src/stores/s3/past-listing.ts';
import type { ListOptions } from '../../../../src/stores/store.ts';

const signal = new AbortController().signal;

interface Event {
  readonly key: string;
  readonly at: number;
  readonly isMarker: boolean;
}

/** What a service lists of these events, newest first for each key, in pages of `pageSize`. */
function bucketOf(events: readonly Event[], pageSize: number): S3Connection {
  const all = events
    .map((event, index) => ({ ...event, index, name: `repository/${event.key}` }))
    .sort((a, b) => (a.name === b.name ? b.at - a.at || b.index - a.index : a.name < b.name ? -1 : 1));
  const page = ({ input }: ListObjectVersionsCommand): Partial<ListObjectVersionsCommandOutput> => {
    const { Prefix = '', Delimiter = '', KeyMarker = '', VersionIdMarker, MaxKeys = pageSize } = input;
    const Versions = [];
    const DeleteMarkers = [];
    const prefixes = new Set<string>();
    let isPast = false;
    let last: (typeof all)[number] | undefined;
    for (const event of all) {
      const { name, index, at, isMarker } = event;
      if (!name.startsWith(Prefix) || name < KeyMarker) continue;
      if (name === KeyMarker && VersionIdMarker === undefined) continue;
      if (name === KeyMarker && !isPast) {
        isPast = String(index) === VersionIdMarker;
        continue;
      }
      const cut = Delimiter === '' ? -1 : name.indexOf(Delimiter, Prefix.length);
      const group = cut < 0 ? undefined : name.slice(0, cut + 1);
      if (group !== undefined && (prefixes.has(group) || KeyMarker.startsWith(group))) {
        last = event;
        continue;
      }
      if (Versions.length + DeleteMarkers.length + prefixes.size === Math.min(MaxKeys, pageSize))
        return {
          IsTruncated: true,
          NextKeyMarker: last?.name,
          NextVersionIdMarker: String(last?.index),
          ...{ Versions, DeleteMarkers, CommonPrefixes: [...prefixes].map(Prefix => ({ Prefix })) },
        };
      const version = { Key: name, VersionId: String(index), LastModified: new Date(at) };
      if (group !== undefined) prefixes.add(group);
      else if (isMarker) DeleteMarkers.push(version);
      else Versions.push({ ...version, Size: index });
      last = event;
    }
    return {
      IsTruncated: false,
      ...{ Versions, DeleteMarkers, CommonPrefixes: [...prefixes].map(Prefix => ({ Prefix })) },
    };
  };
  return {
    client: { send: (command: ListObjectVersionsCommand) => Promise.resolve(page(command)) },
    bucket: 'bucket',
    objects: {},
    fullKey: (key: string) => `repository/${key}`,
    send: (_call: unknown, request: (signal: AbortSignal) => Promise<unknown>) => request(signal),
  } as unknown as S3Connection;
}

/** The keys that the events leave at a moment, each with the number of its event. */
function shownAt(events: readonly Event[], at: number): Map<string, number> {
  const shown = new Map<string, number>();
  for (const [index, event] of [...events.entries()].sort(([, a], [, b]) => a.at - b.at)) {
    if (event.at > at) continue;
    if (event.isMarker) shown.delete(event.key);
    else shown.set(event.key, index);
  }
  return new Map([...shown].sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function listed(connection: S3Connection, options: Omit<ListOptions, 'signal'>, at: number) {
  const found: (string | [string, number])[] = [];
  for await (const entry of listPast(connection, { ...options, signal }, new Date(at)))
    found.push('key' in entry ? [entry.key, entry.sizeBytes] : entry.prefix);
  return found;
}

const anyEvents = fc
  .array(
    fc.record({
      key: fc.constantFrom('a/1', 'a/1.sig', 'a/2', 'b/1', 'b/c/1', 'd', 'e/1'),
      isMarker: fc.boolean(),
    }),
    { maxLength: 30 },
  )
  // Two changes at one instant have no order.
  .map(events => events.map((event, index) => ({ ...event, at: 10 * index })));

describe('a bucket at a moment', () => {
  it('lists what it showed then, however the service cuts its pages', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyEvents,
        fc.integer({ min: 0, max: 310 }),
        fc.integer({ min: 1, max: 5 }),
        fc.constantFrom('', 'a', 'a/', 'b/', 'x'),
        fc.constantFrom('', 'a/1', 'b', 'zz'),
        async (events, at, pageSize, prefix, startAfter) => {
          const connection = bucketOf(events, pageSize);
          const shown = [...shownAt(events, at)].filter(
            ([key]) => key.startsWith(prefix) && key > startAfter,
          );
          assert.deepEqual(await listed(connection, { prefix, startAfter }, at), shown);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('lists a common prefix only if a key below it was there', async () => {
    await fc.assert(
      fc.asyncProperty(
        anyEvents,
        fc.integer({ min: 0, max: 310 }),
        fc.integer({ min: 1, max: 5 }),
        async (events, at, pageSize) => {
          const connection = bucketOf(events, pageSize);
          const shown = new Set(
            [...shownAt(events, at).keys()].map(key => (key.includes('/') ? key.slice(0, 2) : key)),
          );
          const found = await listed(connection, { prefix: '', delimiter: '/' }, at);
          assert.deepEqual(
            found.map(entry => (typeof entry === 'string' ? entry : entry[0])),
            [...shown],
          );
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('finds the version of one key among many', async () => {
    await fc.assert(
      fc.asyncProperty(anyEvents, fc.integer({ min: 0, max: 310 }), async (events, at) => {
        const connection = bucketOf(events, 2);
        for (const key of ['a/1', 'd', 'never']) {
          const found = await versionAt(connection, key, new Date(at), signal);
          const shown = found === undefined || found.isMarker ? undefined : Number(found.versionId);
          assert.equal(shown, shownAt(events, at).get(key));
        }
      }),
      { numRuns: 1000 },
    );
  });

  it('takes an object and a delete marker of one instant for the object', async () => {
    const events = [
      { key: 'a/1', at: 0, isMarker: false },
      { key: 'a/1', at: 0, isMarker: true },
    ];
    assert.deepEqual(await listed(bucketOf(events, 10), { prefix: '' }, 0), [['a/1', 0]]);
  });
});
