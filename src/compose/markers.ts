/** The format markers of stores, for `init`, which has no configuration yet. */
import type { RepositoryConfig } from '../config/index.ts';
import { createMarker, readMarker, type Marker } from '../repository/format/marker.ts';
import type { Store } from '../stores/store.ts';
import { openStore } from '../stores/open.ts';
import { storeSettings } from './open-repositories.ts';

/** A generous limit: a person runs init, and a first contact may wait for names and certificates. */
const requestTimeoutMs = 20_000;

export async function makeMarker(repository: RepositoryConfig, signal: AbortSignal): Promise<Marker> {
  return await withStore(repository, store => createMarker(store, signal));
}

export async function findMarker(
  repository: RepositoryConfig,
  signal: AbortSignal,
): Promise<Marker | undefined> {
  return await withStore(repository, store => readMarker(store, signal));
}

async function withStore<T>(repository: RepositoryConfig, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await openStore(await storeSettings(repository, { store: { requestTimeoutMs } }));
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
