/** `azure://account/container/prefix?endpoint=…` in detail. Loads no SDK. */
import type { DriverSettings } from '../driver-kit/driver-settings.ts';
import {
  assertContainer,
  choice,
  endpointOf,
  parametersOf,
  partSizeOf,
  prefixOf,
} from '../driver-kit/url-parameters.ts';
import type { AzureStoreOptions } from './connection.ts';
import { azureCredentialsOf } from './credentials.ts';

const azureParameters = ['endpoint', 'content-md5', 'part-size-mib'] as const;

/** @throws WalvaultError `config` */
export function azureOptionsOf(
  url: URL,
  settings: DriverSettings,
  env: NodeJS.ProcessEnv = process.env,
): AzureStoreOptions {
  const parameters = parametersOf(url, azureParameters);
  const [container = '', ...rest] = url.pathname.replace(/^\//, '').split('/');
  assertContainer(url, url.host, 'storage account');
  assertContainer(url, container, 'container');
  const contentMd5 = choice(url, parameters, 'content-md5', ['on', 'off']);
  return {
    url: url.href,
    account: url.host,
    container,
    prefix: prefixOf(url, rest.join('/')),
    endpoint: endpointOf(url, parameters.get('endpoint'), 'https://account.blob.core.windows.net'),
    credentials: azureCredentialsOf(url, settings, env),
    contentMd5: contentMd5 === undefined ? undefined : contentMd5 === 'on',
    partSizeBytes: partSizeOf(url, parameters, { smallestMib: 1, largestMib: 1024 }),
    ...(settings.storageClasses && { accessTiers: settings.storageClasses }),
    caFile: settings.caFile,
    verifyTls: settings.verifyTls,
    timeoutMs: settings.timeoutMs,
  };
}
