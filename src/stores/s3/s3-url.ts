/** `s3://bucket/prefix?region=…&endpoint=…&path-style=true` in detail. Loads no SDK. */
import { isLegalKey } from '../key.ts';
import type { StoreSettings } from '../open.ts';
import { badUrl, exampleUrls } from '../url.ts';
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
  const prefix = decodeURIComponent(url.pathname).replaceAll(/^\/+|\/+$/g, '');
  if (url.host === '') throw badUrl(url.href, 'names no bucket', exampleUrls);
  if (prefix !== '' && !isLegalKey(prefix))
    throw badUrl(
      url.href,
      'has a prefix that is no plain path',
      'Use printable ASCII without empty, "." or ".." parts.',
    );
  return {
    url: url.href,
    bucket: url.host,
    prefix,
    region: parameters.get('region'),
    endpoint: endpointOf(url, parameters.get('endpoint')),
    pathStyle: choice(url, parameters, 'path-style', ['true', 'false']) === 'true',
    payload: choice(url, parameters, 'payload', ['signed', 'unsigned']),
    conditionalCreate: choice(url, parameters, 'conditional-create', ['atomic', 'none']),
    partSizeBytes: partSizeOf(url, parameters.get('part-size-mib')),
    credentials: credentialsOf(url, settings),
    caFile: settings.caFile,
    verifyTls: settings.verifyTls,
    timeoutMs: settings.timeoutMs,
  };
}

function parametersOf(url: URL, known: readonly string[]): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const [name, value] of url.searchParams) {
    if (!known.includes(name))
      throw badUrl(url.href, `has the unknown parameter ${name}`, `Known are ${known.join(', ')}.`);
    if (parameters.has(name) || value === '')
      throw badUrl(
        url.href,
        `has the parameter ${name} ${value === '' ? 'without a value' : 'twice'}`,
        `Give ${name} once, with a value.`,
      );
    parameters.set(name, value);
  }
  return parameters;
}

function choice<Value extends string>(
  url: URL,
  parameters: ReadonlyMap<string, string>,
  name: string,
  values: readonly Value[],
): Value | undefined {
  const given = parameters.get(name);
  const value = values.find(value => value === given);
  if (given !== undefined && value === undefined)
    throw badUrl(url.href, `has ${name}=${given}`, `Set ${name} to ${values.join(' or ')}.`);
  return value;
}

function endpointOf(url: URL, endpoint: string | undefined): string | undefined {
  if (endpoint === undefined) return undefined;
  const parsed = URL.parse(endpoint);
  if (parsed === null || !/^https?:$/.test(parsed.protocol) || parsed.username !== '' || parsed.search !== '')
    throw badUrl(
      withoutEndpoint(url),
      'has an endpoint that is no plain http or https URL',
      'Write it as endpoint=https://s3.example.com:9000.',
    );
  return endpoint;
}

/** What was meant as an endpoint may hold a password. */
function withoutEndpoint(url: URL): string {
  const clean = new URL(url);
  clean.searchParams.delete('endpoint');
  return clean.href;
}

function partSizeOf(url: URL, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const mib = Number(text);
  if (!Number.isInteger(mib) || mib < 5 || mib > 1024)
    throw badUrl(
      url.href,
      `has part-size-mib=${text}`,
      'Set part-size-mib to a whole number from 5 to 1024.',
    );
  return mib * 1024 * 1024;
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
