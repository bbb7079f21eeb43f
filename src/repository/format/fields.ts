/** The reader of JSON objects from outside: a store may be hostile, so every field is checked where it is read. */
import { WalvaultError } from '../../base/errors/errors.ts';
import { parseJson } from '../../base/json.ts';

/** A SHA-256 in hex. */
export const sha256Pattern = /^[0-9a-f]{64}$/;

/** So many characters of a value are shown in a message. */
const longestShown = 80;

/** Parses a JSON object. @throws WalvaultError `damaged` for an array, a bare value, or text that is not JSON */
export function parseFields(json: Uint8Array | string, source: string): Fields {
  let value: unknown;
  try {
    value = parseJson(typeof json === 'string' ? json : Buffer.from(json).toString('utf8'));
  } catch (error) {
    throw new WalvaultError('damaged', `${source}: not JSON`, { cause: error });
  }
  if (!isObject(value)) throw new WalvaultError('damaged', `${source}: not a JSON object`);
  return new Fields(value, source);
}

/**
 * The fields of a JSON object. Every method throws WalvaultError `damaged`, naming source and field, if the field is
 * missing or of another kind. If `otherwise` is given, it is returned instead.
 */
export class Fields {
  readonly #object: Readonly<Record<string, unknown>>;
  readonly #source: string;

  constructor(object: Readonly<Record<string, unknown>>, source: string) {
    this.#object = object;
    this.#source = source;
  }

  bad(name: string): WalvaultError {
    return new WalvaultError('damaged', `${this.#source}: "${name}" is missing or not what it must be`);
  }

  has(name: string): boolean {
    return this.#object[name] !== undefined && this.#object[name] !== null;
  }

  is(name: string, expected: string | number): boolean {
    return this.#object[name] === expected;
  }

  /** The value for a message: what can be as long or as deep as its writer likes is cut or only named. */
  shown(name: string): string {
    const value = this.#object[name];
    if (value === undefined) return 'nothing';
    if (Array.isArray(value)) return 'an array';
    if (isObject(value)) return 'an object';
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    return text.length > longestShown ? `${text.slice(0, longestShown)}…` : text;
  }

  text(name: string, otherwise?: string): string {
    return this.#read(name, value => (typeof value === 'string' ? value : undefined), otherwise);
  }

  /** A non-negative integer. */
  number(name: string, otherwise?: number): number {
    return this.#read(name, value => (isCount(value) ? value : undefined), otherwise);
  }

  flag(name: string): boolean {
    return this.#read(name, value => (typeof value === 'boolean' ? value : undefined));
  }

  time(name: string, otherwise?: Date): Date {
    return this.#read(name, timeOf, otherwise);
  }

  oneOf<const T extends string>(name: string, allowed: readonly T[]): T {
    return this.#read(name, value => allowed.find(one => one === value));
  }

  /** A text that `parse` accepts. An error or undefined means that `parse` rejects the text. */
  parsed<T>(name: string, parse: (text: string) => T | undefined): T {
    return this.#read(name, value => {
      if (typeof value !== 'string') return undefined;
      try {
        return parse(value);
      } catch {
        return undefined;
      }
    });
  }

  matching(name: string, pattern: RegExp): string {
    return this.parsed(name, text => (pattern.test(text) ? text : undefined));
  }

  texts(name: string): string[] {
    return this.#array(name).map(value => {
      if (typeof value !== 'string') throw this.bad(name);
      return value;
    });
  }

  items(name: string): Fields[] {
    return this.#array(name).map((value, index) => this.#nested(value, `${name}[${index}]`));
  }

  object(name: string): Fields {
    return this.#nested(this.#object[name], name);
  }

  #read<T>(name: string, take: (value: unknown) => T | undefined, otherwise?: T): T {
    const value = take(this.#object[name]) ?? otherwise;
    if (value === undefined) throw this.bad(name);
    return value;
  }

  #nested(value: unknown, name: string): Fields {
    if (!isObject(value)) throw this.bad(name);
    return new Fields(value, this.#source);
  }

  #array(name: string): unknown[] {
    const value = this.#object[name];
    if (!Array.isArray(value)) throw this.bad(name);
    return value;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

function timeOf(value: unknown): Date | undefined {
  const time = typeof value === 'string' ? new Date(value) : undefined;
  return time === undefined || Number.isNaN(time.getTime()) ? undefined : time;
}
