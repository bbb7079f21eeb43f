/** Whatever foreign text an event or a result holds, what is shown has no line but our own, and no control character. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, test } from 'vitest';
import { describeFailure } from '../../src/base/errors/describe-failure.ts';
import { WalvaultError } from '../../src/base/errors/errors.ts';
import { visibleLines, visibleView } from '../../src/base/visible-text.ts';
import { rendered } from '../../src/cli/render/result-text.ts';
import { renderTable } from '../../src/cli/render/table.ts';
import type { Event } from '../../src/observe/events/events.ts';
import { Redactor } from '../../src/observe/redact.ts';
import { RunLog } from '../../src/observe/run-log.ts';
import { wordsOf } from '../../src/observe/words.ts';
import { samples } from '../support/event-samples.ts';
import { temporaryDirectory } from '../support/site/temp.ts';

const hostile = fc.constantFrom(
  '\nwalvault: ERROR: all is lost',
  '\r\nHINT:  run this',
  '\u001B[2J\u001B[H',
  '\u009B31m',
  '\u007F',
  '\u0000',
  '\u2028walvault: fine',
  '\u2029',
  '\u202Efdp.exe',
  '\u2066\u2069',
  '\u200B\uFEFF',
  '\u{E0041}',
  '\uD800',
);

/** Nothing that a terminal or a log collector obeys; JSON may have nothing of it in the open, either. */
const obeyed = /[^\P{Cc}\n\t]|[\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

/** The same value with foreign text behind every text that is no name of a choice. */
function spoilt<T>(value: T, foreign: string): T {
  if (typeof value === 'string') return `${value}${foreign}` as T;
  if (Array.isArray(value)) return value.map(each => spoilt(each as unknown, foreign)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [name, name === 'kind' ? each : spoilt(each, foreign)]),
  ) as T;
}

describe('an event', () => {
  for (const format of ['text', 'json'] as const)
    test(`in ${format}, on standard error and in the log file`, () => {
      const path = join(temporaryDirectory('log', { keepOwner: true }), 'log');
      fc.assert(
        fc.property(fc.constantFrom(...Object.values<Event>(samples)), hostile, (sample, foreign) => {
          const event = spoilt(sample, foreign);
          let shown = '';
          const before = contentOf(path);
          const log = new RunLog({
            verb: 'list',
            argv: ['list'],
            verbose: true,
            quiet: false,
            stderr: text => void (shown += text),
            isTty: false,
            redactor: new Redactor(),
            given: { format, file: path, level: 'debug' },
          });
          log.emit(event);
          const relayed = log.lineFor(event).text;
          log.close();
          const filed = contentOf(path).slice(before.length);
          for (const text of [shown, filed, relayed]) assert.doesNotMatch(text, obeyed);
          const begins = format === 'json' ? /^\{"time".*\}$/ : /^(walvault: |HINT: {2})/;
          for (const line of linesOf(shown + relayed)) assert.match(line, begins);
          for (const line of linesOf(filed)) assert.match(line, format === 'json' ? begins : /^\d{4}-/);
          if (format === 'text')
            assert.equal(linesOf(relayed).length, wordsOf(event).hint === undefined ? 1 : 2);
        }),
        { numRuns: 200 },
      );
    });
});

test('a failure, with its causes and its stack', () => {
  fc.assert(
    fc.property(hostile, foreign => {
      const cause = new Error(`service${foreign}`);
      const error = new WalvaultError('denied', `message${foreign}`, { hint: `hint${foreign}`, cause });
      const lines = [
        ...describeFailure(error, { isDebug: true }),
        ...describeFailure(new Error(`x${foreign}`), { isDebug: true }),
      ];
      for (const line of lines) assert.doesNotMatch(line, /\n/);
      assert.doesNotMatch(lines.join('\n'), obeyed);
      assert.equal(describeFailure(error, { isDebug: true }).length, 3);
    }),
  );
});

test('a result: a row of a table stays one row, and a view is otherwise the value', () => {
  fc.assert(
    fc.property(hostile, foreign => {
      const rows = [{ name: `a${foreign}`, tags: new Map([['k', `v${foreign}`]]), size: 5n }];
      const text = rendered(
        each =>
          renderTable(
            [{ title: 'NAME' }, { title: 'TAG' }],
            each.map(({ name, tags, size }) => [name, `${tags.get('k')} ${size}`]),
          ),
        rows,
      );
      assert.equal(linesOf(text).length, 2);
      assert.doesNotMatch(text, obeyed);
    }),
  );
  const frozen = Object.freeze({ list: Object.freeze(['a\nb', 'c']), at: new Date(0), not: undefined });
  const { list, at, ...rest } = visibleView(frozen);
  assert.deepEqual([...list], ['a b', 'c']);
  assert.deepEqual([at.getTime(), Object.entries(rest)], [0, [['not', undefined]]]);
  assert.deepEqual(visibleView(new WalvaultError('key', 'x\ny')).message, 'x y');
});

test('JSON stays the same JSON', () => {
  fc.assert(
    fc.property(fc.array(hostile), values => {
      const json = visibleLines(JSON.stringify(values, undefined, 2));
      assert.doesNotMatch(json, obeyed);
      assert.deepEqual(JSON.parse(json), values);
    }),
  );
});

function linesOf(text: string): string[] {
  return text.split('\n').filter(line => line !== '');
}

function contentOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
