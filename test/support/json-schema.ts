/** Checks values against the part of JSON Schema (2020-12) that the published schemas use; another keyword is an error. */
import assert from 'node:assert/strict';

export type Schema = Readonly<Record<string, unknown>>;

const keywords = new Set([
  '$schema', '$id', '$defs', '$ref', 'title', 'description', 'type', 'enum', 'const', 'properties', 'required',
  'additionalProperties', 'items', 'maxItems', 'anyOf', 'pattern', 'format', 'minimum',
]); // prettier-ignore

/** The places where the value is not what the schema says, each with the reason. */
export function violations(value: unknown, schema: Schema, root: Schema = schema, path = '$'): string[] {
  for (const keyword of Object.keys(schema)) assert.ok(keywords.has(keyword), `${path}: unknown ${keyword}`);
  const found: string[] = [];
  const say = (problem: string) => found.push(`${path}: ${problem}`);
  const within = (inner: unknown, part: unknown, name: string) =>
    found.push(...violations(inner, part as Schema, root, `${path}${name}`));
  if (typeof schema['$ref'] === 'string') within(value, resolve(root, schema['$ref']), '');
  if (Array.isArray(schema['anyOf'])) {
    const results = (schema['anyOf'] as Schema[]).map(one => violations(value, one, root, path));
    if (results.every(result => result.length > 0)) found.push(...results.flat());
  }
  if (schema['type'] !== undefined && ![schema['type']].flat().includes(typeOf(value)))
    if (!(typeOf(value) === 'integer' && [schema['type']].flat().includes('number')))
      say(`is ${typeOf(value)}, not ${JSON.stringify(schema['type'])}`);
  if (Array.isArray(schema['enum']) && !schema['enum'].includes(value))
    say(`${String(value)} is not allowed`);
  if ('const' in schema && schema['const'] !== value) say(`is not ${JSON.stringify(schema['const'])}`);
  if (typeof value === 'string') {
    const { pattern, format } = schema;
    if (typeof pattern === 'string' && !new RegExp(pattern, 'u').test(value)) say(`"${value}" does not fit`);
    if (format === 'date-time' && new Date(value).toISOString() !== value) say(`"${value}" is no time`);
  }
  if (typeof value === 'number' && typeof schema['minimum'] === 'number' && value < schema['minimum'])
    say(`${value} is too small`);
  if (Array.isArray(value)) {
    if (typeof schema['maxItems'] === 'number' && value.length > schema['maxItems'])
      say('has too many items');
    if (schema['items'] !== undefined)
      for (const [index, item] of value.entries()) within(item, schema['items'], `[${index}]`);
  } else if (typeof value === 'object' && value !== null) {
    const properties = (schema['properties'] ?? {}) as Record<string, Schema>;
    for (const name of (schema['required'] ?? []) as string[]) if (!(name in value)) say(`lacks ${name}`);
    for (const [name, inner] of Object.entries(value)) {
      if (properties[name] !== undefined) within(inner, properties[name], `.${name}`);
      else if (schema['additionalProperties'] === false) say(`has an unknown ${name}`);
    }
  }
  return found;
}

function resolve(root: Schema, reference: string): unknown {
  const found = reference
    .replace(/^#\//, '')
    .split('/')
    .reduce<unknown>((inner, name) => (inner as Record<string, unknown> | undefined)?.[name], root);
  assert.ok(found !== undefined, `${reference} is not defined`);
  return found;
}

function typeOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return Number.isInteger(value) ? 'integer' : typeof value;
}
