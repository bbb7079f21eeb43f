/** Repositories that are to exhaust whoever reads them: small objects that unpack without end, and very many of them. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { claimingMetadata } from '../support/hostile/archive.ts';
import { zstdBomb } from '../support/hostile/bombs.ts';
import { policies, Scene, type Policy } from '../support/hostile/scene.ts';
import { bareEnvironment, run } from '../support/site/run.ts';
import { walvaultExecutable } from '../support/site/walvault.ts';

const mebibyte = 1024 ** 2;

let scene: Scene;
let putBack: () => void;
let segment: string;

beforeAll(async () => {
  scene = await Scene.open('a directory');
  segment = scene.segments().at(-2) ?? '';
  putBack = scene.repository.save();
});
afterEach(() => putBack());
afterAll(() => scene.close());

/** A fetch for which the kernel refuses every byte of a file beyond `fileBytes`. */
function fetchInto(name: string, policy: Policy, fileBytes: number) {
  const limited = [`--fsize=${fileBytes}`, walvaultExecutable()];
  return run('prlimit', [...limited, 'fetch', '--timeline', '1', name, 'pg_wal/RECOVERYXLOG'], {
    cwd: scene.recoveryDirectory('recovery.signal'),
    timeoutMs: 100_000,
    env: {
      ...bareEnvironment,
      ...scene.site.readerEnv,
      WALVAULT_CONFIG: scene.site.configPath,
      ...(policy !== 'default' && { WALVAULT_SIGNING_VERIFY: policy }),
    },
  });
}

test('adds and replaces: WAL that unpacks without end fills no disk, takes no time, and leaves nothing', async () => {
  const { repository, system } = scene;
  const bomb = zstdBomb(16 * 1024 ** 3);
  const plain = readFileSync(join(scene.dataDirectory, 'pg_wal', segment));
  const claims = [undefined, claimingMetadata(bomb, plain), claimingMetadata(bomb, Buffer.alloc(1e8))];
  for (const [index, policy] of policies.entries()) {
    const metadata = claims[index];
    repository.put(scene.walKey(segment), bomb, metadata);
    const fetched = await fetchInto(segment, policy, plain.length);
    // Where a signature is required it is as if it were not there: later WAL shows that it was.
    assert.equal(fetched.exitCode, policy === 'default' ? 212 : 209, `${policy}: ${fetched.stderr}`);
    expect(fetched.stderr).toMatch(policy === 'default' ? /is not signed/ : /to more (than \d+ )?bytes/);
    const pushed = await scene.push(segment, policy);
    assert.ok(
      pushed.exitCode === 8 || pushed.exitCode === 9,
      `${policy}: ${pushed.exitCode} ${pushed.stderr}`,
    );
    repository.put(`${system}/timelines/00000002.history`, bomb, metadata);
    const history = await fetchInto('00000002.history', policy, mebibyte);
    // A placeholder keeps the number taken.
    assert.equal(history.exitCode, 0, `${policy}: ${history.stderr}`);
    for (const { elapsedMs, maxResidentBytes } of [fetched, pushed, history]) {
      assert.ok(elapsedMs < 20_000, `${elapsedMs} ms`);
      assert.ok(maxResidentBytes < 400 * mebibyte, `${maxResidentBytes} bytes`);
    }
  }
  const left = readdirSync(join(scene.recoveryDirectory('recovery.signal'), 'pg_wal'));
  assert.deepEqual(
    left.filter(name => name.endsWith('.tmp')),
    [],
  );
});
