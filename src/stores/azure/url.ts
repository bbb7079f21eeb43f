/** The details of `azure://account/container/prefix?endpoint=…` URLs. Loads no SDK. */
import type { DriverSettings } from '../driver-kit/driver-settings.ts';
import { serviceOptionsOf } from '../driver-kit/service-options.ts';
import { assertContainer, choice, parametersOf } from '../driver-kit/url-parameters.ts';
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
    ...serviceOptionsOf(url, settings, {
      path: rest.join('/'),
      parameters,
      exampleEndpoint: 'https://account.blob.core.windows.net',
      smallestPartMib: 1,
    }),
    account: url.host,
    container,
    credentials: azureCredentialsOf(url, settings, env),
    contentMd5: contentMd5 === undefined ? undefined : contentMd5 === 'on',
  };
}
