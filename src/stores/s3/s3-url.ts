/** `s3://bucket/prefix?region=…&endpoint=…&path-style=true` in detail. Loads no SDK. */
import type { StoreSettings } from '../open.ts';
import {
  assertContainer,
  choice,
  endpointOf,
  parametersOf,
  partSizeOf,
  prefixOf,
} from '../url-parameters.ts';
import { badUrl } from '../url.ts';
import type { S3StoreOptions } from './s3-connection.ts';

const s3Parameters = [
  'region',
  'endpoint',
  'path-style',
  'payload',
  'conditional-create',
  'part-size-mib',
] as const;

/** @throws WalvaultError `config` */
export function s3OptionsOf(url: URL, settings: StoreSettings): S3StoreOptions {
  const parameters = parametersOf(url, s3Parameters);
  assertContainer(url, url.host, 'bucket');
  return {
    url: url.href,
    bucket: url.host,
    prefix: prefixOf(url, url.pathname),
    region: parameters.get('region'),
    endpoint: endpointOf(url, parameters.get('endpoint'), 'https://s3.example.com:9000'),
    pathStyle: choice(url, parameters, 'path-style', ['true', 'false']) === 'true',
    payload: choice(url, parameters, 'payload', ['signed', 'unsigned']),
    conditionalCreate: choice(url, parameters, 'conditional-create', ['atomic', 'none']),
    partSizeBytes: partSizeOf(url, parameters, { smallestMib: 5, largestMib: 1024 }),
    credentials: credentialsOf(url, settings),
    caFile: settings.caFile,
    verifyTls: settings.verifyTls,
    timeoutMs: settings.timeoutMs,
  };
}

function credentialsOf(url: URL, settings: StoreSettings): S3StoreOptions['credentials'] {
  const { accessKeyId, secretAccessKey, sessionToken } = settings;
  if (accessKeyId === undefined && secretAccessKey === undefined) return undefined;
  if (accessKeyId === undefined || secretAccessKey === undefined)
    throw badUrl(
      url.href,
      'has half of its credentials',
      'Set both access-key-id and secret-access-key, or neither to use the environment, a profile or a role.',
    );
  return { accessKeyId, secretAccessKey, sessionToken };
}
