/** What the build refuses, and what is said of two builds that differ. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import pkgConfig from '../../pkg.config.json' with { type: 'json' };
import { chooseTarget } from '../../scripts/build/executable.ts';
import { verifiedNodeBinary } from '../../scripts/build/node-binary.ts';
import { describeDifference } from '../../scripts/reproduce/difference.ts';
import { temporaryDirectory } from '../support/site/temp.ts';

describe('the target', () => {
  test("is this machine's", () => {
    for (const wanted of [[], [process.arch]])
      assert.equal(chooseTarget(pkgConfig, wanted).arch, process.arch);
  });

  test.each([process.arch === 'x64' ? 'arm64' : 'x64', 'riscv64', '--target=arm64'])(
    'is not %s, whose code caches cannot be made here',
    arch => {
      assert.throws(
        () => chooseTarget(pkgConfig, [arch]),
        /cannot build for .*: run the build on such a machine/,
      );
    },
  );
});

describe('a Node binary', () => {
  const platform = `${process.platform}-${process.arch}`;
  const rootWith = (digests: Record<string, string>, binary?: string) => {
    const root = temporaryDirectory('root');
    mkdirSync(join(root, 'scripts'));
    mkdirSync(join(root, `node_modules/node-${platform}/bin`), { recursive: true });
    writeFileSync(join(root, 'scripts/node-sha256.json'), JSON.stringify({ version: '24.0.0', ...digests }));
    if (binary !== undefined) writeFileSync(join(root, `node_modules/node-${platform}/bin/node`), binary);
    return root;
  };
  const ofAbc = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';

  test('with the known digest is taken', async () => {
    const { version, sha256 } = await verifiedNodeBinary(rootWith({ [platform]: ofAbc }, 'abc'));
    assert.deepEqual([version, sha256], ['24.0.0', ofAbc]);
  });

  test.each([
    ['with another digest', { [platform]: ofAbc }, 'abd', /SHA-256 is \w+, expected ba7816bf/],
    ['of a platform without a digest', {}, 'abc', /has no digest for/],
    ['that npm left out', { [platform]: ofAbc }, undefined, /cannot be read: .* "npm ci"/],
  ])('%s ends the build', async (_what, digests, binary, message) => {
    await assert.rejects(verifiedNodeBinary(rootWith(digests, binary)), message);
  });
});

test('two builds that differ are told by place and content', () => {
  const describe = (one: string, other: string) =>
    describeDifference('walvault', Buffer.from(one), Buffer.from(other));
  assert.equal(describe('same', 'same'), undefined);
  assert.equal(describe('abcd', 'aXcY'), 'walvault: 2 bytes differ from 1 on: "abcd" and "aXcY"');
  assert.equal(
    describe('ab', 'abc'),
    'walvault: 0 bytes differ from 2 on, 2 and 3 bytes long: "ab" and "abc"',
  );
});
