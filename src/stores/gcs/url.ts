/** The details of `gs://bucket/prefix?endpoint=…&project=…` URLs. Loads no code that talks to the service. */
import type { DriverSettings } from '../driver-kit/driver-settings.ts';
import { serviceOptionsOf } from '../driver-kit/service-options.ts';
import { assertContainer, choice, parametersOf } from '../driver-kit/url-parameters.ts';
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
    ...serviceOptionsOf(url, settings, {
      path: url.pathname,
      parameters,
      exampleEndpoint: 'https://storage.example.com',
      smallestPartMib: 1,
    }),
    bucket: url.host,
    project: parameters.get('project'),
    isAnonymous,
    credentialsFile: settings.credentialsFile,
  };
}
