/** The options of all cloud drivers, read from the URL and the configuration. */
import type { ObjectClass } from '../store.ts';
import type { DriverSettings } from './driver-settings.ts';
import { refusePlainHttp } from './plain-http.ts';
import { endpointOf, partSizeOf, prefixOf } from './url-parameters.ts';

export interface ServiceOptions {
  /** For messages. */
  readonly url: string;
  /** Without slashes at its ends; '' puts the keys at the top of the bucket. */
  readonly prefix: string;
  /** `https://host[:port]` of a private endpoint, another service or an emulator. Default: the provider's own. */
  readonly endpoint?: string | undefined;
  readonly storageClasses?: StorageClasses | undefined;
  /** PEM file of the only trusted authorities, instead of the system's. */
  readonly caFile?: string | undefined;
  readonly verifyTls?: boolean | undefined;
  /** How long the service may send nothing, also in the middle of a body. */
  readonly timeoutMs?: number | undefined;
  /** Length of the parts of a long upload. */
  readonly partSizeBytes?: number | undefined;
}

/** The service's own names of classes. The catalogue stays in the default class, which is quick to read. */
export type StorageClasses = NonNullable<DriverSettings['storageClasses']>;

export const defaultTimeoutMs = 30_000;
export const defaultPartSizeBytes = 8 * 1024 * 1024;

export interface UrlOfService {
  /** The prefix, as a part of the URL's path. */
  readonly path: string;
  readonly parameters: ReadonlyMap<string, string>;
  readonly exampleEndpoint: string;
  readonly smallestPartMib: number;
}

/** @throws WalvaultError `config` for a bad prefix, endpoint or part size, and for an endpoint in the open */
export function serviceOptionsOf(
  url: URL,
  { storageClasses, caFile, verifyTls, timeoutMs }: DriverSettings,
  { path, parameters, exampleEndpoint, smallestPartMib }: UrlOfService,
): ServiceOptions {
  const endpoint = endpointOf(url, parameters.get('endpoint'), exampleEndpoint);
  if (endpoint !== undefined) refusePlainHttp(endpoint, verifyTls);
  return {
    url: url.href,
    prefix: prefixOf(url, path),
    endpoint,
    partSizeBytes: partSizeOf(url, parameters, { smallestMib: smallestPartMib, largestMib: 1024 }),
    storageClasses,
    caFile,
    verifyTls,
    timeoutMs,
  };
}

/** The whole name of an object in its bucket. */
export function fullKeyIn({ prefix }: ServiceOptions, key: string): string {
  return prefix === '' ? key : `${prefix}/${key}`;
}

export function storageClassFor(
  objectClass: ObjectClass,
  classes: StorageClasses | undefined,
): string | undefined {
  return objectClass === 'catalog' ? undefined : classes?.[objectClass];
}
