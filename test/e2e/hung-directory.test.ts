/**
 * A directory repository on a file server that is gone. What is called there never returns and no signal ends it, so that
 * each call costs its process a thread of the few it has; neither a push, an agent nor the server may wait for it.
 */
import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, it } from 'vitest';
import { agentPlace, type AgentPlace } from '../support/site/agents.ts';
import { hangDirectory } from '../support/faults/hung-directory.ts';
import { bareEnvironment, runOk, type RunResult } from '../support/site/run.ts';
import { archiveEverything, commitRows, createSite, until, type Site } from '../support/site/site.ts';
import { giveToUnprivileged } from '../support/site/unprivileged.ts';
import { walvaultExecutable } from '../support/site/walvault.ts';
import { startForegroundAgent, type ForegroundAgent } from '../support/torture/foreground-agent.ts';
import { assertNothingIsLeft } from '../support/torture/kill-agent.ts';
import { createPusher, patience, type Pusher, type Segment } from '../support/torture/pusher.ts';

const impatient = { ...patience, WALVAULT_ARCHIVE_TIMEOUT: '2s' };
/** On a busy machine; what hangs takes for ever. */
const generousMs = 30_000;

interface Scene extends AsyncDisposable {
  readonly site: Site;
  readonly pusher: Pusher;
  readonly place: AgentPlace;
  readonly agent: ForegroundAgent;
  push(segment: Segment): Promise<RunResult>;
}

interface SceneOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** A best-effort repository, a directory too: then the agent leaves all file calls to the pool. */
  readonly hasSpare?: boolean;
}

/** An agent that has sent a first segment; the others are ready, so that it will send them side by side. */
async function createScene(segments: number, { env = {}, hasSpare = false }: SceneOptions = {}) {
  const site = await createSite();
  const spare = hasSpare ? await addSpareRepository(site) : '';
  const pusher = await createPusher(site, { segmentSizeMiB: 1 });
  const place = agentPlace(impatient);
  const agent = await startForegroundAgent(
    site,
    { ...place, env: { ...place.env, ...env } },
    { dataDirectory: pusher.directory, until: 'listening' },
  );
  const push = (segment: Segment) => pusher.push(segment, { env: place.env, timeoutMs: generousMs });
  const scene: Scene = {
    site,
    pusher,
    place,
    agent,
    push,
    async [Symbol.asyncDispose]() {
      agent.child.kill('SIGKILL');
      await agent.ended();
    },
  };
  assert.equal((await push(pusher.writeSegment(1))).exitCode, 0);
  const status = join(pusher.directory, 'pg_wal/archive_status');
  mkdirSync(status);
  const waiting = Array.from({ length: segments }, (_, index) => pusher.writeSegment(index + 2));
  for (const { name } of waiting) writeFileSync(join(status, `${name}.ready`), '');
  giveToUnprivileged(pusher.directory);
  return { ...scene, waiting, spare };
}

/** Whether it ends by itself: it may not need more than a few seconds. */
async function endOf({ child, ended }: ForegroundAgent) {
  return await Promise.race([ended(), delay(generousMs, `process ${child.pid} is still there`)]);
}

describe('while the directory of a required repository hangs', () => {
  it('each push through the agent fails in its time, and the agent works on when it is back', async () => {
    await using scene = await createScene(8);
    const { push, agent, site, waiting } = scene;
    const bringBack = hangDirectory(site.repositoryPath);
    for (const segment of waiting.slice(0, 4)) {
      const { exitCode, stderr } = await push(segment);
      assert.equal(exitCode, 5, stderr);
      assert.match(stderr, /^walvault: .*(no answer within 2.0 s|an earlier call still hangs)/);
    }
    bringBack();
    for (const segment of waiting) assert.equal((await push(segment)).exitCode, 0);
    assert.equal(agent.child.exitCode, null, 'the same agent');
  });

  it('an agent without a thread left sends the push away and leaves', async () => {
    await using scene = await createScene(2, { env: { UV_THREADPOOL_SIZE: '1' }, hasSpare: true });
    const { push, agent, site, waiting } = scene;
    hangDirectory(site.repositoryPath);
    const [segment] = waiting;
    const { exitCode, stderr } = await push(segment as Segment);
    assert.equal(exitCode, 5, stderr);
    assert.deepEqual(await endOf(agent), { exitCode: 0, signal: null });
    assert.match(agent.output(), /agent ends: a push hangs/);
  });

  for (const how of ['SIGTERM', 'stop'] as const)
    it(`the agent ends by ${how} whatever hangs in it`, async () => {
      await using scene = await createScene(8);
      const { push, agent, site, place, waiting } = scene;
      hangDirectory(site.repositoryPath);
      const [segment] = waiting;
      assert.equal((await push(segment as Segment)).exitCode, 5);
      if (how === 'SIGTERM') agent.child.kill('SIGTERM');
      else {
        const { stdout } = await site.walvault(['agent', 'stop'], { env: place.env });
        assert.match(stdout, /^stopped process/);
      }
      assert.deepEqual(await endOf(agent), { exitCode: 0, signal: null });
      assert.deepEqual(place.files(), []);
    });

  it('the server stops, and its agent leaves with it', async () => {
    const agents = agentPlace(impatient);
    const site = await createSite({ agents });
    await using server = await site.startOrigin();
    await commitRows(server, 1, 3);
    await archiveEverything(server);
    await until('an agent listens', () => agents.files().some(name => name.endsWith('.sock')));
    hangDirectory(site.repositoryPath);
    await commitRows(server, 4, 9);
    await until('a push has failed', () => server.log().includes('archive command failed'), generousMs);
    const stopped = await Promise.race([server.stop('fast'), delay(60_000, 'the server has not stopped')]);
    assert.deepEqual(stopped, { exitCode: 0, signal: null }, server.logTail());
    await assertNothingIsLeft(agents);
  });
});

describe('while the directory of a best-effort repository hangs', () => {
  it('each push through the agent succeeds in its time', async () => {
    await using scene = await createScene(8, { hasSpare: true });
    const { push, agent, spare, waiting } = scene;
    hangDirectory(spare);
    for (const segment of waiting) {
      const { exitCode, stderr } = await push(segment);
      assert.equal(exitCode, 0, stderr);
      assert.match(stderr, /best-effort repository "spare": /);
    }
    assert.equal(agent.child.exitCode, null, 'nothing to leave for');
    agent.child.kill('SIGTERM');
    assert.deepEqual(await endOf(agent), { exitCode: 0, signal: null });
  });
});

describe('a push without an agent', () => {
  it('succeeds in its time while the directory of a best-effort repository hangs', async () => {
    const site = await createSite();
    const pusher = await createPusher(site, { segmentSizeMiB: 1 });
    hangDirectory(await addSpareRepository(site));
    const env = { WALVAULT_ARCHIVE_TIMEOUT: '8s', WALVAULT_STORE_REQUEST_TIMEOUT: '1s' };
    const { exitCode, stderr } = await pusher.push(pusher.writeSegment(1), { env, timeoutMs: generousMs });
    assert.equal(exitCode, 0, stderr);
    assert.match(stderr, /best-effort repository "spare": .*an earlier call still hangs/);
  });

  it('that is durable does not wait for a record of losses that cannot be read', async () => {
    const site = await createSite();
    const pusher = await createPusher(site, { segmentSizeMiB: 1 });
    const records = join(pusher.directory, '.walvault-lost-wal');
    mkdirSync(records, { mode: 0o700 });
    giveToUnprivileged(pusher.directory);
    await runOk('/usr/bin/mkfifo', [join(records, '000000010000000000000001.json')]);
    const { exitCode, stderr } = await pusher.push(pusher.writeSegment(2), { timeoutMs: generousMs });
    assert.equal(exitCode, 0, stderr);
    assert.match(stderr, /WARNING: noting WAL that was given up: no answer within 10\.0 s/);
  });
});

async function addSpareRepository(site: Site): Promise<string> {
  const directory = join(site.directory, 'spare');
  const url = `file://${directory}`;
  const config = join(site.directory, 'spare.toml');
  const repository = ['--cluster', 'orders', '--repository', url, '--create-directory', '--no-encryption'];
  await runOk(walvaultExecutable(), ['init', '--config', config, ...repository], {
    cwd: site.directory,
    env: bareEnvironment,
  });
  appendFileSync(site.configPath, `\n[[repository]]\nname = "spare"\nurl = "${url}"\nrequired = false\n`);
  return directory;
}
