import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { test } from 'vitest';
import { fetchLine, optionsOf, pushLine, spellingsOf } from '../../../src/agent/client/command-lines.ts';
import { quickParse } from '../../../src/agent/client/quick-parse.ts';
import { parseVerb } from '../../../src/entry/parse-verb.ts';

for (const line of [pushLine, fetchLine]) {
  const spelt = optionsOf(line).flatMap(([name, spec]) => spellingsOf(name, spec));
  const word = fc.oneof(
    fc.constantFrom(...spelt, line.name, '', '-', '--', '-qv', '-x', '--unknown', '--no-quiet'),
    fc.constantFrom(...spelt).map(option => `${option}=3`),
    fc.constantFrom(...spelt).map(option => `${option}=`),
    fc.string({ maxLength: 4 }),
  );

  test(`${line.name}: what the quick parser reads, the full parser reads alike`, () => {
    let read = 0;
    fc.assert(
      fc.property(fc.array(word, { maxLength: 6 }), words => {
        const argv = [line.name, ...words];
        const quick = quickParse(argv, line);
        if (quick === undefined) return;
        read++;
        const { values, positionals } = parseVerb(argv, line);
        assert.deepEqual(withoutUnset(quick.values), withoutUnset(values));
        assert.deepEqual(quick.positionals, positionals);
      }),
      { numRuns: 2000 },
    );
    assert.ok(read > 100, `${read} lines`);
  });
}

function withoutUnset(values: Readonly<Record<string, string | boolean | undefined>>) {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
