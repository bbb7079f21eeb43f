/** A few made inputs for every parser of what others may have written; `npm run soak -- fuzz` goes on for an hour. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'vitest';
import { makeInput } from '../support/torture/fuzz/mutate.ts';
import { Random } from '../support/torture/fuzz/random.ts';
import { runInput } from '../support/torture/fuzz/run-input.ts';
import { fuzzTargets } from '../support/torture/fuzz/targets.ts';
import { temporaryDirectory } from '../support/site/temp.ts';

const seed = randomBytes(4).toString('hex');
const inputs = 60;

for (const { name, reads, open } of fuzzTargets)
  test(`${name}: ${reads} is taken or refused, whatever it holds`, async () => {
    const target = await open();
    const directory = temporaryDirectory('parsers', { keepOwner: true });
    for (const original of target.corpus)
      assert.equal(await runInput(target, Buffer.from(original), directory), undefined, 'an unchanged input');
    for (let index = 0; index < inputs; index++) {
      const input = makeInput(target, new Random(`${seed}/${name}/${index}`));
      const fault = await runInput(target, input, directory);
      if (fault !== undefined)
        assert.fail(
          `${fault.message}\nnpm run soak -- fuzz --target ${name} --seed ${seed} finds it at input ${index}`,
        );
    }
  });
