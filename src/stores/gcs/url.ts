/** `gs://bucket/prefix?endpoint=…&project=…` in detail. Loads nothing that speaks to the service. */
import type { DriverSettings } from '../driver-kit/driver-settings.ts';
import {
  assertContainer,
  choice,
  endpointOf,
  parametersOf,
  partSizeOf,
  prefixOf,
} from '../driver-kit/url-parameters.ts';
import { badUrl } from '../url.ts';
import type { GcsStoreOptions } from './connection.ts';

const gcsParameters = ['endpoint', 'project', 'anonymous', 'part-size-mib'] as const;

/** @throws WalvaultError `config` */
export function gcsOptionsOf(url: URL, settings: DriverSettings): GcsStoreOptions {
  const parameters = parametersOf(url, gcsParameters);
  assertContainer(url, url.host, 'bucket');
  const isAnonymous = choice(url, parameters, 'anonymous', ['true', 'false']) === 'true';
  if (isAnonymous && settings.credentialsFile !== undefined)
    throw badUrl(url.href, 'is anonymous and has credentials', 'Remove anonymous=true or credentials-file.');
  return {
    url: url.href,
    bucket: url.host,
    prefix: prefixOf(url, url.pathname),
    endpoint: endpointOf(url, parameters.get('endpoint'), 'https://storage.example.com'),
    project: parameters.get('project'),
    isAnonymous,
    credentialsFile: settings.credentialsFile,
    partSizeBytes: partSizeOf(url, parameters, { smallestMib: 1, largestMib: 1024 }),
    ...(settings.storageClasses && { storageClasses: settings.storageClasses }),
    caFile: settings.caFile,
    verifyTls: settings.verifyTls,
    timeoutMs: settings.timeoutMs,
  };
}
