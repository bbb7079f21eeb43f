/** The details of `s3://bucket/prefix?region=…&endpoint=…&path-style=true` URLs. Loads no SDK. */
import { parseDuration } from '../../base/units.ts';
import type { DriverSettings } from '../driver-kit/driver-settings.ts';
import { serviceOptionsOf } from '../driver-kit/service-options.ts';
import { assertContainer, choice, parametersOf } from '../driver-kit/url-parameters.ts';
import { badUrl } from '../url.ts';
import { s3CredentialsOf } from './credentials.ts';
import type { S3StoreOptions } from './connection.ts';
import type { S3Encryption, S3Lock } from './parameters.ts';

const s3Parameters = [
  'region',
  'endpoint',
  'path-style',
  'payload',
  'conditional-create',
  'part-size-mib',
  'sse',
  'kms-key-id',
  'tags',
  'lock',
  'lock-for',
  'requester-pays',
  'versions',
] as const;

/** @throws WalvaultError `config` */
export function s3OptionsOf(url: URL, settings: DriverSettings): S3StoreOptions {
  const parameters = parametersOf(url, s3Parameters);
  assertContainer(url, url.host, 'bucket');
  return {
    ...serviceOptionsOf(url, settings, {
      path: url.pathname,
      parameters,
      exampleEndpoint: 'https://s3.example.com:9000',
      // S3's minimum.
      smallestPartMib: 5,
    }),
    bucket: url.host,
    region: parameters.get('region'),
    pathStyle: choice(url, parameters, 'path-style', ['true', 'false']) === 'true',
    payload: choice(url, parameters, 'payload', ['signed', 'unsigned']),
    conditionalCreate: choice(url, parameters, 'conditional-create', ['atomic', 'none']),
    readAt: settings.readAtMs === undefined ? undefined : new Date(settings.readAtMs),
    credentials: s3CredentialsOf(url, settings),
    encryption: encryptionOf(url, parameters, settings),
    tags: tagsOf(url, parameters),
    lock: lockOf(url, parameters),
    keepsVersions: choice(url, parameters, 'versions', ['delete', 'keep']) === 'keep',
    isRequesterPays: choice(url, parameters, 'requester-pays', ['true', 'false']) === 'true',
  };
}

type Parameters = ReadonlyMap<string, string>;

function encryptionOf(url: URL, parameters: Parameters, settings: DriverSettings): S3Encryption | undefined {
  const kind = choice(url, parameters, 'sse', ['s3', 'kms', 'dsse-kms']);
  const keyId = parameters.get('kms-key-id');
  const { customerKey } = settings;
  if (keyId !== undefined && (kind === undefined || kind === 's3'))
    throw badUrl(url.href, 'has a kms-key-id without sse=kms', 'Add sse=kms or sse=dsse-kms.');
  if (customerKey === undefined) {
    if (kind === undefined) return undefined;
    return kind === 's3' ? { kind } : { kind, keyId };
  }
  if (kind !== undefined)
    throw badUrl(url.href, `has sse=${kind} and a customer-key`, 'Use one of them: the service does.');
  if (!/^[A-Za-z0-9+/]{43}=$/.test(customerKey.reveal()))
    throw badUrl(
      url.href,
      'has a customer-key that is not 32 bytes in base64',
      'Make one with `openssl rand -base64 32`, and keep it: without it nothing can be read.',
    );
  return { kind: 'customer', key: customerKey };
}

/** The tags in `tags=team=db,env=prod`. */
function tagsOf(url: URL, parameters: Parameters): ReadonlyMap<string, string> | undefined {
  const text = parameters.get('tags');
  if (text === undefined) return undefined;
  const tags = new Map<string, string>();
  for (const pair of text.split(',')) {
    const [, name = '', value = ''] = /^([^=]+)=(.*)$/.exec(pair) ?? [];
    if (name === '' || tags.has(name) || name.length > 128 || value.length > 256)
      throw badUrl(url.href, `has tags=${text}`, 'Write them as tags=team=db,env=prod, each name once.');
    tags.set(name, value);
  }
  if (tags.size > 10) throw badUrl(url.href, `has ${tags.size} tags`, 'An object can have ten.');
  return tags;
}

function lockOf(url: URL, parameters: Parameters): S3Lock | undefined {
  const mode = choice(url, parameters, 'lock', ['governance', 'compliance']);
  const period = parameters.get('lock-for');
  if (mode === undefined && period === undefined) return undefined;
  const periodMs = period === undefined ? undefined : durationOf(period);
  if (mode === undefined || periodMs === undefined || periodMs < 60_000)
    throw badUrl(
      url.href,
      'has half of a lock, or one without a length',
      'Write both, as in lock=compliance&lock-for=30d.',
    );
  return { mode, periodMs };
}

function durationOf(text: string): number | undefined {
  try {
    return parseDuration(text);
  } catch {
    return undefined;
  }
}
