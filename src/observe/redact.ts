/**
 * The second net for secrets. The first is that a `Secret` prints as `***`; this one catches a value that came into a
 * text by another way: an error of a library, a service that repeats what it was sent, a connection string.
 */
import { Secret } from '../base/secret.ts';
import { hideUrlPasswords } from '../base/url-passwords.ts';

/** Shorter ones are left alone: replacing "a" everywhere would destroy every message and so give the secret away. */
const shortestLength = 5;

/** As much of the beginning of a long secret betrays it: messages are cut, in the middle of a secret too. */
const telltaleLength = 12;

/** Variables whose values others than the configuration read: the SDKs, libpq, proxies. */
const secretVariables =
  /^(AWS_SECRET_ACCESS_KEY|AWS_SESSION_TOKEN|AWS_CONTAINER_AUTHORIZATION_TOKEN|AZURE_STORAGE_(KEY|SAS_TOKEN|CONNECTION_STRING)|AZURE_CLIENT_SECRET|IDENTITY_HEADER|PGPASSWORD|(HTTPS?|ALL)_PROXY)$/i;

/** Secrets by their looks, whoever made them: tokens, signatures of URLs, private keys. */
const looks: readonly (readonly [RegExp, string])[] = [
  [/\b(Bearer|Basic) +[\w.~+/=-]{8,}/g, '$1 ***'],
  [/\beyJ[\w-]{8,}\.[\w.-]*/g, '***'],
  [/([?&;\s]sig=)[^&\s"']+/gi, '$1***'],
  [/-----BEGIN [A-Z ]*PRIVATE KEY( BLOCK)?-----[^]*?(-----END [A-Z ]*-----|$)/g, '***'],
];

export class Redactor {
  readonly #values = new Set<string>();

  add(secrets: Iterable<Secret>): void {
    for (const secret of secrets) {
      const value = secret.reveal();
      for (const part of [value, ...partsOf(value)])
        if (part.length >= shortestLength) for (const form of formsOf(part)) this.#values.add(form);
    }
  }

  /** What the environment holds for others. */
  addEnvironment(env: NodeJS.ProcessEnv): void {
    const found = Object.entries(env).filter(([name, value]) => secretVariables.test(name) && value);
    // Of a proxy only the password is secret, and its address is what a message must name.
    const isProxy = (name: string) => /_PROXY$/i.test(name);
    this.add(
      found.flatMap(([name, value = '']) =>
        (isProxy(name) ? partsOf(value) : [value]).map(part => new Secret(part)),
      ),
    );
  }

  redact(text: string): string {
    let result = text;
    for (const value of this.#values) result = withoutBeginnings(result.replaceAll(value, '***'), value);
    for (const [look, replacement] of looks) result = result.replaceAll(look, replacement);
    return hideUrlPasswords(result);
  }

  /** A copy of a plain value in which no text holds a secret. */
  redactValues<T>(value: T): T {
    return this.#copy(value) as T;
  }

  #copy(value: unknown): unknown {
    if (typeof value === 'string') return this.redact(value);
    if (Array.isArray(value)) return value.map(each => this.#copy(each));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, this.#copy(each)]));
  }

  /** Runs `work`; what it throws carries no secret in name, message, hint or stack, nor do its causes. */
  async guard<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.#clean(error, new Set());
      throw error;
    }
  }

  #clean(error: unknown, seen: Set<unknown>): void {
    if (!(error instanceof Error) || seen.has(error)) return;
    seen.add(error);
    for (const field of ['name', 'message', 'hint', 'stack', 'cause']) {
      const text: unknown = Reflect.get(error, field);
      if (typeof text === 'string') Reflect.set(error, field, this.redact(text));
    }
    this.#clean(error.cause, seen);
  }
}

/** What is secret inside a connection string, a shared access signature or a URI. */
function partsOf(value: string): string[] {
  const named = value.matchAll(/\b(?:accountkey|sig|password)\s*=\s*(?:'([^']+)|([^;&\s']+))/gi);
  const inUri = /^[a-z]+:\/\/[^/:@]*:(.*)@/i.exec(value)?.[1];
  const parts = [...named].flatMap(([, quoted, plain]) => quoted ?? plain ?? []);
  return [...parts, ...(inUri === undefined ? [] : [inUri])].flatMap(part => [part, decoded(part)]);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function formsOf(value: string): string[] {
  return [
    value,
    encodeURIComponent(value),
    JSON.stringify(value).slice(1, -1),
    Buffer.from(value).toString('base64'),
  ];
}

/** A value without structure has nothing at its beginning that others share: random keys and tokens. */
function withoutBeginnings(text: string, value: string): string {
  if (value.length < 2 * telltaleLength || /[=:;\s]./.test(value)) return text;
  const telltale = value.slice(0, telltaleLength);
  let result = text;
  for (let at = result.indexOf(telltale); at !== -1; at = result.indexOf(telltale, at + 3)) {
    let end = at + telltaleLength;
    while (end < result.length && result[end] === value[end - at]) end++;
    result = `${result.slice(0, at)}***${result.slice(end)}`;
  }
  return result;
}
