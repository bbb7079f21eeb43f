import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { test } from 'vitest';
import { jsonLine } from '../../../src/observe/json-lines.ts';
import { wordsOf } from '../../../src/observe/words.ts';
import { optionalFields, samples } from '../../support/event-samples.ts';

const all = Object.values(samples);
const beginning = '<!-- Made from test/support/event-samples.ts by';
const end = '<!-- The end of what is made. -->';

test('the table of events is what the samples say (UPDATE_DOCS=1 writes it)', async () => {
  const page = new URL('../../../docs/reference/json.md', import.meta.url);
  const text = await readFile(page, 'utf8');
  const [before = ''] = text.split(beginning);
  const [, after = ''] = text.split(end);
  const expected = `${before}${table()}${end}${after}`;
  if (process.env['UPDATE_DOCS'] === '1') await writeFile(page, expected);
  assert.equal(await readFile(page, 'utf8'), expected);
});

test('events are plain JSON: they cross threads and files as they are', () => {
  for (const event of all) assert.deepEqual(JSON.parse(JSON.stringify(event)), event);
});

test('a line of JSON has time, level, kind, all fields, and the words', () => {
  const time = new Date(0);
  for (const event of all) {
    const words = wordsOf(event);
    const line = jsonLine(event, words, time);
    assert.match(line, /^[^\n]+\n$/);
    const expected = { time: '1970-01-01T00:00:00.000Z', ...event, ...words };
    assert.deepEqual(JSON.parse(line), JSON.parse(JSON.stringify(expected)));
  }
});

function table(): string {
  const rows = all.map(event => {
    const { kind, ...fields } = event;
    const { level, message } = wordsOf(event);
    const described = Object.entries(fields).map(
      ([name, value]) => `\`${name}${`${kind} ${name}` in optionalFields ? '?' : ''}\` ${typeOf(value)}`,
    );
    return `| \`${kind}\` | ${level} | ${described.join(', ')} | ${message} |`;
  });
  return [
    `${beginning} test/unit/observe/event-reference.test.ts: run it with UPDATE_DOCS=1 after a change. -->`,
    '',
    '| kind | level | fields | an example of its message |',
    '|---|---|---|---|',
    ...rows,
    '',
    '',
  ].join('\n');
}

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return 'texts';
  if (typeof value === 'string') return 'text';
  if (typeof value === 'object') return 'failure';
  return typeof value;
}
