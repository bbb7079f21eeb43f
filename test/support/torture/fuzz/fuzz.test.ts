/** The harness reports each kind of fault, and only faults. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { temporaryDirectory } from '../../site/temp.ts';
import { fuzz, repeatInput } from './fuzz.ts';
import { makeInput } from './mutate.ts';
import { Random } from './random.ts';
import { fuzzTargets } from './targets.ts';

const say = () => undefined;

async function run(target: string, inputsEach = 1) {
  const faultsDirectory = join(temporaryDirectory('faults'), 'kept');
  const [result] = await fuzz({
    minutes: 2,
    seed: 'a seed',
    targets: [target],
    inputsEach,
    faultsDirectory,
    say,
  });
  assert.ok(result !== undefined);
  return result;
}

describe('a parser is found out that', () => {
  test.each([
    ['throws what is not ours', 'broken-error', 'error', /^TypeError: Cannot read properties of undefined/],
    ['throws what it calls its own fault', 'broken-internal', 'error', /a fault of its own/],
    ['never ends', 'broken-hang', 'hang', /^no answer after 2\d{3} ms of work/],
    ['waits for what never comes', 'broken-waiting', 'hang', /^it waits for what never comes/],
    ['fails after it has answered', 'broken-later', 'error', /^TypeError: nobody waits for it/],
    ['ends the process', 'broken-crash', 'crash', /^SIGABRT/],
    ['asks for a large buffer', 'broken-buffer', 'memory', /^a buffer of 300 MiB/],
    ['takes memory without end', 'broken-memory', 'memory', /MiB resident/],
    ['leaves a file behind', 'broken-left', 'left behind', /^\.plain\.tmp/],
    ['writes without end', 'broken-disk', 'left behind', /MiB written/],
  ])('%s', async (_what, target, kind, message) => {
    const { faults, inputs } = await run(target);
    assert.equal(inputs, 1);
    const [fault] = faults;
    assert.ok(fault !== undefined, 'nothing was reported');
    assert.deepEqual([fault.kind, faults.length], [kind, 1]);
    assert.match(fault.message, message);
    assert.ok(existsSync(fault.file), 'the input is kept');
  });
});

test('a saved input is shortened, and fails again', async () => {
  const { faults } = await run('broken-error');
  const { file = '' } = faults[0] ?? {};
  assert.equal(readFileSync(file, 'latin1'), '');
  assert.equal((await repeatInput(file, say))?.kind, 'error');
});

test('nothing is reported of a parser that answers', async () => {
  assert.deepEqual((await run('history', 50)).faults, []);
});

test('nor of one whose inputs take long to make', async () => {
  const { inputs, faults } = await run('slowly-made', 3);
  assert.deepEqual([inputs, faults], [3, []]);
});

test('the same seed makes the same inputs, another seed others', async () => {
  const target = await fuzzTargets[0]?.open();
  assert.ok(target !== undefined);
  const made = (seed: string) =>
    Array.from({ length: 20 }, (_, index) =>
      makeInput(target, new Random(`${seed}/${index}`)).toString('hex'),
    );
  assert.deepEqual(made('one'), made('one'));
  assert.notDeepEqual(made('one'), made('two'));
});
