/** A bucket with versions, read as it was at a moment. Nothing is written to it. */
import { isStoreError, StoreError, type Store } from '../store.ts';
import type { S3Connection } from './connection.ts';
import { versionKeeping } from './delete.ts';
import { getObject, headObject } from './get.ts';
import { listPast, versionAt } from './past-listing.ts';
import { thawObject } from './thaw.ts';
import { listedVersions, type ListedVersion } from './versions.ts';

/** A bucket whose first hundred thousand versions are from before it kept any is believed nevertheless. */
const mostProbed = 100_000;

const withoutVersions =
  'Versions are kept from the moment on at which somebody enables versioning of the bucket; docs/repository-time.md has the steps.';

/** Looks once, before the first answer, whether the bucket can tell what it held at the moment. */
export function createPastStore(
  connection: S3Connection,
  at: Date,
  { url, capabilities }: Pick<Store, 'url' | 'capabilities'>,
): Store {
  let proof: Promise<void> | undefined;
  const prove = async (signal: AbortSignal) => {
    proof ??= proveVersions(connection, at, { url, signal });
    try {
      await proof;
    } catch (error) {
      proof = undefined;
      throw error;
    }
  };
  const find = async (key: string, signal: AbortSignal): Promise<ListedVersion | undefined> => {
    await prove(signal);
    return await versionAt(connection, key, at, signal);
  };
  const idOf = async (action: string, key: string, signal: AbortSignal): Promise<string> => {
    const found = await find(key, signal);
    if (found !== undefined && !found.isMarker) return found.versionId;
    throw new StoreError('absent', `${action} ${key}: not there ${describe(at)}`, {
      hasDeleteMarker: found !== undefined,
    });
  };
  const refusal = (action: string) =>
    new StoreError('denied', `${action}: the repository is read as it was ${describe(at)}, and not written`);
  return {
    url,
    capabilities,
    put: key => Promise.reject(refusal(`put ${key}`)),
    delete: keys => Promise.resolve(keys.map(key => ({ key, error: refusal(`delete ${key}`) }))),
    get: async (key, options) =>
      await getObject(connection, key, {
        ...options,
        versionId: await idOf('get', key, options.signal),
      }),
    head: async (key, { signal }) => {
      const found = await find(key, signal);
      if (found === undefined || found.isMarker) return undefined;
      return await headObject(connection, key, { versionId: found.versionId, signal });
    },
    async *list(options) {
      await prove(options.signal);
      yield* listPast(connection, options, at);
    },
    thaw: async (key, options) =>
      await thawObject(connection, key, {
        ...options,
        versionId: await idOf('thaw', key, options.signal),
      }),
    close: async () => connection.client.destroy(),
  };
}

function describe(at: Date): string {
  return `at ${at.toISOString()}`;
}

/**
 * @throws StoreError `no-container` if the bucket keeps no versions, or if nothing of that time has one: what was deleted or
 *   overwritten then is lost, and nobody can tell what it was
 */
async function proveVersions(
  connection: S3Connection,
  at: Date,
  { url, signal }: { readonly url: string; readonly signal: AbortSignal },
): Promise<void> {
  const refuse = (problem: string) =>
    new StoreError('no-container', `${url}: ${problem}`, { hint: withoutVersions });
  if ((await versionKeeping(connection, signal)) === 'nothing')
    throw refuse(`this bucket keeps no versions, so it cannot be read as it was ${describe(at)}`);
  let probed = 0;
  let hasUnversioned = false;
  try {
    for await (const item of listedVersions(connection, { prefix: connection.fullKey(''), signal })) {
      if (item.isPrefix || ++probed > mostProbed) return;
      if (item.modified > at) continue;
      if (item.versionId !== unversionedId) return;
      hasUnversioned = true;
    }
  } catch (error) {
    if (isStoreError(error, 'invalid')) throw refuse(`this service lists no versions: ${error.message}`);
    throw error;
  }
  if (hasUnversioned)
    throw refuse(
      `this bucket began to keep versions after ${at.toISOString()}, so it cannot be read as it was then`,
    );
}

/** The version of an object that was written while the bucket kept none. */
const unversionedId = 'null';
