/**
 * A quick reader of a page of a listing (ListObjectsV2), several times as fast as the SDK's. It reads what services usually
 * send: elements without attributes, each value once. It gives no page for any other text, which the SDK reads then.
 */
import type { ListedObject } from '../driver-kit/list-page.ts';
import { listedTier } from './tier.ts';

export interface S3Page {
  readonly objects: readonly ListedObject[];
  readonly prefixes: readonly string[];
  /** True: more pages follow. */
  readonly isCut: boolean;
  /** To go on with. */
  readonly token: string | undefined;
}

/** Undefined for what is no page, and for a page in an unusual form. */
export function readListPage(text: string): S3Page | undefined {
  const [begin] = pageBegin.exec(text) ?? [];
  return begin === undefined ? undefined : new PageReader(text, begin.length).page();
}

const pageBegin =
  /^(?:<\?xml(?: [a-z]+="[\w.-]+")+\?>)?\s*<ListBucketResult(?: [a-z]+(?::[a-z]+)?="[^<>"&]*")*>/;
const pageEnd = '</ListBucketResult>';
const elementName = /^[A-Za-z0-9]+$/;
/** As deep as an owner's name in an object is 2. */
const mostDepth = 4;

/** The values of others are not looked at. */
const readNames: ReadonlySet<string> = new Set([
  'IsTruncated',
  'NextContinuationToken',
  'Prefix',
  'Key',
  'Size',
  'LastModified',
  'StorageClass',
]);

type Values = Map<string, string>;

class PageReader {
  readonly #text: string;
  #at: number;
  readonly #objects: ListedObject[] = [];
  readonly #prefixes: string[] = [];

  constructor(text: string, at: number) {
    this.#text = text;
    this.#at = at;
  }

  page(): S3Page | undefined {
    const values = this.#valuesUpTo(pageEnd, 0);
    const isCut = values?.get('IsTruncated');
    const isAtEnd = this.#text.slice(this.#at).trim() === '';
    if (values === undefined || !isAtEnd || (isCut !== 'true' && isCut !== 'false')) return undefined;
    return {
      objects: this.#objects,
      prefixes: this.#prefixes,
      isCut: isCut === 'true',
      token: values.get('NextContinuationToken'),
    };
  }

  /** The values in an element up to its end; the elements in it that hold others are added to the page. */
  #valuesUpTo(end: string, depth: number): Values | undefined {
    const text = this.#text;
    const values: Values = new Map();
    for (;;) {
      this.#skipSpace();
      if (text.startsWith(end, this.#at)) {
        this.#at += end.length;
        return values;
      }
      const nameEnd = text.indexOf('>', this.#at);
      if (nameEnd === -1 || text.charCodeAt(this.#at) !== lessThan) return undefined;
      const isEmpty = text.charCodeAt(nameEnd - 1) === slash;
      const name = text.slice(this.#at + 1, isEmpty ? nameEnd - 1 : nameEnd);
      if (!elementName.test(name)) return undefined;
      const valueEnd = isEmpty ? nameEnd + 1 : text.indexOf('<', nameEnd);
      const close = isEmpty ? '' : `</${name}>`;
      if (text.startsWith(close, valueEnd)) {
        if (readNames.has(name)) {
          const value = valueOf(text.slice(nameEnd + 1, valueEnd));
          if (value === undefined || values.has(name)) return undefined;
          values.set(name, value);
        }
        this.#at = valueEnd + close.length;
      } else {
        this.#at = nameEnd + 1;
        const inside = depth < mostDepth ? this.#valuesUpTo(close, depth + 1) : undefined;
        if (inside === undefined || (depth === 0 && !this.#add(name, inside))) return undefined;
      }
    }
  }

  #add(name: string, values: Values): boolean {
    if (name === 'CommonPrefixes') {
      const prefix = values.get('Prefix');
      if (prefix !== undefined) this.#prefixes.push(prefix);
      return prefix !== undefined;
    }
    // Whatever else holds elements is nothing that is known.
    const object = name === 'Contents' ? objectOf(values) : undefined;
    if (object !== undefined) this.#objects.push(object);
    return object !== undefined;
  }

  #skipSpace(): void {
    while (isSpace(this.#text.charCodeAt(this.#at))) this.#at++;
  }
}

const lessThan = 0x3c;
const slash = 0x2f;

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

/** Undefined without one of the values that each object has. */
function objectOf(values: Values): ListedObject | undefined {
  const [name, size, time] = [values.get('Key'), values.get('Size'), values.get('LastModified')];
  if (name === undefined || size === undefined || time === undefined) return undefined;
  if (!wholeNumber.test(size) || !utcTime.test(time)) return undefined;
  const modified = new Date(time);
  if (Number.isNaN(modified.getTime())) return undefined;
  return { name, sizeBytes: Number(size), modified, ...listedTier(values.get('StorageClass')) };
}

const wholeNumber = /^\d{1,15}$/;
const utcTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?Z$/;

/**
 * The text with its references resolved. Undefined for what readers of XML treat in different ways: blanks at its ends, line
 * ends, references to what is no printable ASCII, and an ampersand that begins none.
 */
function valueOf(text: string): string | undefined {
  if (oddText.test(text)) return undefined;
  if (!text.includes('&')) return text;
  if (text.replaceAll(reference, '').includes('&')) return undefined;
  return text.replaceAll(reference, (_, decimal?: string, hex?: string, named?: string) => {
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
    return namedReferences.get(named ?? '') ?? String.fromCharCode(code);
  });
}

const oddText = /^\s|\s$|\p{Cc}/u;
/** Of printable ASCII: 33 to 126. */
const reference =
  /&(?:#(3[3-9]|[4-9]\d|1[01]\d|12[0-6])|#x(2[1-9a-fA-F]|[3-6][\da-fA-F]|7[\da-eA-E])|(amp|lt|gt|quot|apos));/g;
const namedReferences: ReadonlyMap<string, string> = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
]);
