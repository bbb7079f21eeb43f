/**
 * The format marker, `walvault.json`: it identifies a walvault repository by its id.
 *
 * Only `init` creates it. A store without it is an unmounted disk, a wrong prefix or a foreign bucket; an object
 * missing from such a store proves nothing.
 */
import { objectBounds } from '../../base/bounds.ts';
import { randomUUID } from 'node:crypto';
import { WalvaultError } from '../../base/errors/errors.ts';
import type { Store } from '../../stores/store.ts';
import { parseFields } from './fields.ts';
import { createSmallObject, encodeJson, readSmallObject } from './json-object.ts';
import { markerKey } from './layout.ts';
import type { Repository } from '../repository.ts';

export const formatVersion = 1;
const { limitBytes } = objectBounds.marker;

export interface Marker {
  readonly id: string;
  readonly created: string;
}

/** The error for a store that answers but has no marker: usually an unmounted disk. */
export class MarkerMissing extends WalvaultError {}

/** Creates the marker, or reads the existing one, so that two runs of `init` for one store agree on its id. */
export async function createMarker(store: Store, signal: AbortSignal): Promise<Marker> {
  const marker: Marker = { id: randomUUID(), created: new Date().toISOString() };
  if (await createSmallObject(store, markerKey, encodeJson({ format: formatVersion, ...marker }), signal))
    return marker;
  const existing = await readMarker(store, signal);
  if (existing === undefined)
    throw new WalvaultError(
      'not-a-repository',
      `${store.url}: ${markerKey} was refused as existing and cannot be read`,
    );
  return existing;
}

/**
 * Reads the marker.
 * @throws WalvaultError `damaged`, or `not-a-repository` for a format this version does not know
 */
export async function readMarker(store: Store, signal: AbortSignal): Promise<Marker | undefined> {
  const data = await readSmallObject(store, markerKey, { limitBytes, signal });
  if (data === undefined) return undefined;
  const fields = parseFields(data, `${store.url}: ${markerKey}`);
  if (!fields.is('format', formatVersion)) {
    throw new WalvaultError(
      'not-a-repository',
      `${store.url}: repository format ${fields.shown('format')} is not known to this version`,
      { hint: 'Upgrade walvault on this host.' },
    );
  }
  return { id: fields.matching('id', /./), created: fields.text('created', '') };
}

/** Proves that the repository exists and is the configured one. @throws WalvaultError `not-a-repository` */
export async function verifyMarker(repository: Repository, signal: AbortSignal): Promise<Marker> {
  const { store, expectedId } = repository;
  const marker = await readMarker(store, signal);
  if (marker === undefined) {
    throw new MarkerMissing('not-a-repository', `${store.url}: not a walvault repository (no ${markerKey})`, {
      hint: 'Is the disk mounted and the prefix right? A new repository is made by `walvault init`.',
    });
  }
  if (expectedId !== undefined && marker.id !== expectedId) {
    throw new WalvaultError(
      'not-a-repository',
      `${store.url}: repository id is ${marker.id}, the configuration expects ${expectedId}`,
      {
        hint: 'This is another repository than the one set up here. If it was replaced on purpose, change repository.id.',
      },
    );
  }
  return marker;
}
