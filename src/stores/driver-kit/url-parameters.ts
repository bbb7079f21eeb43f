/** The common parts of the cloud drivers' URLs: a prefix in the path, and parameters after a `?`. */
import { isLegalKey } from './key.ts';
import { badUrl, exampleUrls } from '../url.ts';

/**
 * The given parameters, each at most once and not empty.
 * @throws WalvaultError `config` for a parameter that is not in `known`
 */
export function parametersOf(url: URL, known: readonly string[]): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const [name, value] of url.searchParams) {
    if (!known.includes(name))
      throw badUrl(withoutValues(url), `has the unknown parameter ${name}`, `Known are ${known.join(', ')}.`);
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

/** The URL without the values of its parameters: an unknown one may be a secret (`sig` of a shared access signature). */
function withoutValues(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}?…`;
}

/** @throws WalvaultError `config` unless the value is one of `values` */
export function choice<Value extends string>(
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

/** @throws WalvaultError `config` unless the endpoint is a plain http or https URL; the message does not show it */
export function endpointOf(url: URL, endpoint: string | undefined, example: string): string | undefined {
  if (endpoint === undefined) return undefined;
  const parsed = URL.parse(endpoint);
  if (parsed === null || !/^https?:$/.test(parsed.protocol) || parsed.username !== '' || parsed.search !== '')
    throw badUrl(
      withoutEndpoint(url),
      'has an endpoint that is no plain http or https URL',
      `Write it as endpoint=${example}.`,
    );
  return endpoint;
}

/** The URL without its endpoint, which may hold a password. */
function withoutEndpoint(url: URL): string {
  const clean = new URL(url);
  clean.searchParams.delete('endpoint');
  return clean.href;
}

/** @throws WalvaultError `config` unless the part size is a whole number of MiB within the limits */
export function partSizeOf(
  url: URL,
  parameters: ReadonlyMap<string, string>,
  limits: { readonly smallestMib: number; readonly largestMib: number },
): number | undefined {
  const text = parameters.get('part-size-mib');
  if (text === undefined) return undefined;
  const mib = Number(text);
  const { smallestMib, largestMib } = limits;
  if (!Number.isInteger(mib) || mib < smallestMib || mib > largestMib)
    throw badUrl(
      url.href,
      `has part-size-mib=${text}`,
      `Set part-size-mib to a whole number from ${smallestMib} to ${largestMib}.`,
    );
  return mib * 1024 * 1024;
}

/** The path of a URL as the start of keys: without slashes at its ends, '' for none. */
export function prefixOf(url: URL, path: string): string {
  const prefix = decodeURIComponent(path).replaceAll(/^\/+|\/+$/g, '');
  if (prefix !== '' && !isLegalKey(prefix))
    throw badUrl(
      url.href,
      'has a prefix that is no plain path',
      'Use printable ASCII without empty, "." or ".." parts.',
    );
  return prefix;
}

export function assertContainer(url: URL, name: string, what: string): void {
  if (name === '') throw badUrl(url.href, `names no ${what}`, exampleUrls);
}
