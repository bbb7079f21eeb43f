/** One agent by hand: what it answers, when it leaves, and what becomes of a push when it is not there to answer. */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  chmodSync,
  mkdirSync,
  readdirSync,
  renameSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, it } from 'vitest';
import { agentPlace } from '../support/site/agents.ts';
import { run } from '../support/site/run.ts';
import { createSite, until, type Site } from '../support/site/site.ts';
import { giveToUnprivileged } from '../support/site/unprivileged.ts';
import {
  socketNames,
  startForegroundAgent,
  type ForegroundAgent,
} from '../support/torture/foreground-agent.ts';
import { createPusher, patience, type Pusher, type Segment } from '../support/torture/pusher.ts';

async function createScene() {
  const site = await createSite();
  const pusher = await createPusher(site, { segmentSizeMiB: 1 });
  const place = agentPlace(patience);
  const agents: ForegroundAgent[] = [];
  const status = join(pusher.directory, 'pg_wal/archive_status');
  mkdirSync(status);
  const ready = (...segments: Segment[]) => {
    for (const { name } of segments) writeFileSync(join(status, `${name}.ready`), '');
    giveToUnprivileged(pusher.directory);
  };
  return {
    site,
    pusher,
    place,
    ready,
    statuses: () => readdirSync(status).toSorted(),
    push: (segment: Segment) => pusher.push(segment, { env: place.env }),
    async start(env: Readonly<Record<string, string>> = {}, until: 'listening' | 'its end' = 'listening') {
      const agent = await startForegroundAgent(
        site,
        { ...place, env: { ...place.env, ...env } },
        { dataDirectory: pusher.directory, until },
      );
      agents.push(agent);
      return agent;
    },
    async [Symbol.asyncDispose]() {
      for (const { child, ended } of agents) {
        child.kill('SIGKILL');
        await ended();
      }
    },
  };
}

async function assertArchived(pusher: Pusher, segment: Segment): Promise<void> {
  const { result, data } = await pusher.fetch(segment);
  assert.ok(data?.equals(segment.data), `${segment.name}: ${result.stderr}`);
}

function hideRepository(site: Site): () => void {
  renameSync(site.repositoryPath, `${site.repositoryPath}.away`);
  return () => renameSync(`${site.repositoryPath}.away`, site.repositoryPath);
}

describe('an agent that is asked', () => {
  it('sends ahead, answers from what is durable and still the same, and for nothing else', async () => {
    await using scene = await createScene();
    const { site, pusher, place, ready, push, start } = scene;
    const agent = await start();
    const segments = [1, 2, 3].map(number => pusher.writeSegment(number));
    const [first, second, third] = segments as [Segment, Segment, Segment];
    ready(...segments);
    assert.equal((await push(first)).exitCode, 0);
    await until('all are sent ahead', async () => {
      const status = await site.walvault(['agent', 'status'], { env: place.env });
      return status.stdout.includes('3 sent');
    });
    const showRepository = hideRepository(site);
    // From memory, which a push by itself could not say now.
    assert.deepEqual([(await push(second)).exitCode, (await push(third)).exitCode], [0, 0]);
    utimesSync(join(pusher.directory, 'pg_wal', third.name), 1, 1);
    const refused = await push(third);
    assert.equal(refused.exitCode, 7, refused.stderr);
    assert.match(refused.stderr, /^walvault: .*\nHINT: {2}/);
    showRepository();
    for (const segment of segments) await assertArchived(pusher, segment);

    // Another content of an archived segment is refused in the words of a push without an agent.
    const altered = { ...second, data: Buffer.from(second.data).fill(7, 9000, 9100) };
    pusher.place(altered);
    const conflict = await push(second);
    const alone = await pusher.push(second);
    assert.equal(conflict.exitCode, 8);
    assert.equal(conflict.stderr, alone.stderr);
    assert.equal(agent.child.exitCode, null, 'a conflict is nothing to leave for');
  });

  it('with archive.batch tells PostgreSQL of those that nobody has asked for', async () => {
    await using scene = await createScene();
    const { pusher, ready, statuses, push, place, start } = scene;
    const batch = { WALVAULT_ARCHIVE_BATCH: 'on' };
    await start(batch);
    const segments = [1, 2, 3, 4].map(number => pusher.writeSegment(number));
    ready(...segments);
    const [first] = segments as [Segment];
    const result = await pusher.push(first, { env: { ...place.env, ...batch } });
    assert.equal(result.exitCode, 0, result.stderr);
    const [asked, ...others] = segments.map(({ name }) => name);
    // Those that were not durable yet when it was answered are told of at the next question.
    await until('all others are told of', async () => {
      if (statuses().filter(name => name.endsWith('.done')).length === others.length) return true;
      await pusher.push(first, { env: { ...place.env, ...batch } });
      return false;
    });
    assert.deepEqual(statuses(), [`${asked}.ready`, ...others.map(name => `${name}.done`)]);
    for (const segment of segments) await assertArchived(pusher, segment);
    assert.equal((await push(first)).exitCode, 0);
  });

  it('leaves when configuration, environment or a key differs, and the push does the work', async () => {
    await using scene = await createScene();
    const { site, pusher, place, push, start } = scene;
    const changes: (() => Readonly<Record<string, string>>)[] = [
      () => {
        appendFileSync(site.configPath, '\n# changed\n');
        return {};
      },
      () => ({ WALVAULT_COMPRESSION_LEVEL: '2' }),
      () => {
        const key = readdirSync(site.directory).find(name => name.endsWith('-keys'));
        const directory = join(site.directory, key ?? '');
        utimesSync(join(directory, readdirSync(directory)[0] ?? ''), 1, 1);
        return {};
      },
    ];
    let number = 0;
    for (const change of changes) {
      const agent = await start();
      const before = pusher.writeSegment(++number);
      assert.equal((await push(before)).exitCode, 0);
      assert.equal(agent.child.exitCode, null, 'the same configuration is nothing to leave for');
      const env = change();
      const segment = pusher.writeSegment(++number);
      const result = await pusher.push(segment, { env: { ...place.env, ...env } });
      assert.deepEqual([result.exitCode, result.stderr], [0, '']);
      assert.equal((await agent.ended()).exitCode, 0, agent.output());
      await assertArchived(pusher, segment);
      assert.deepEqual(socketNames(place), []);
    }
  });

  it('is not there for other users, and not used where others could stand in for it', async () => {
    await using scene = await createScene();
    const { site, pusher, place, push, start } = scene;
    await start();
    const segment = pusher.writeSegment(1);
    assert.equal((await push(segment)).exitCode, 0);
    const [socket = ''] = socketNames(place);
    if (process.getuid?.() === 0) {
      const script = `require('net').connect(${JSON.stringify(join(place.directory, socket))}).on('error', e => { console.log(e.code) })`;
      const stranger = await run(
        'setpriv',
        ['--reuid=65534', '--regid=65534', '--clear-groups', process.execPath, '-e', script],
        { as: 'self' },
      );
      assert.match(stranger.stdout, /EACCES/, stranger.stderr);
    }
    const showRepository = hideRepository(site);
    assert.equal((await push(segment)).exitCode, 0, 'answered from memory');
    chmodSync(place.directory, 0o750);
    assert.equal((await push(segment)).exitCode, 7, 'worked by itself');
    showRepository();
  });
});

describe('an agent that ends', () => {
  it('ends within two seconds of SIGTERM or stop, with status 0 and nothing left', async () => {
    await using scene = await createScene();
    const { site, pusher, place, push, start } = scene;
    for (const how of ['SIGTERM', 'stop'] as const) {
      const agent = await start();
      assert.equal((await push(pusher.writeSegment(how === 'stop' ? 1 : 2))).exitCode, 0);
      const before = performance.now();
      if (how === 'SIGTERM') agent.child.kill('SIGTERM');
      else
        assert.match((await site.walvault(['agent', 'stop'], { env: place.env })).stdout, /^stopped process/);
      const { exitCode, signal } = await agent.ended();
      assert.deepEqual([exitCode, signal], [0, null]);
      assert.ok(performance.now() - before < 2000 || how === 'stop', 'in time');
      assert.deepEqual(place.files(), []);
    }
    const status = await site.walvault(['agent', 'status'], { env: place.env });
    assert.deepEqual([status.exitCode, status.stdout.slice(0, 13)], [17, 'no agent runs']);
  });

  it('may be killed: its socket misleads nobody, and the next one takes its place', async () => {
    await using scene = await createScene();
    const { pusher, place, push, start } = scene;
    const killed = await start();
    killed.child.kill('SIGKILL');
    await killed.ended();
    assert.equal(socketNames(place).length, 1);
    const segment = pusher.writeSegment(1);
    const result = await push(segment);
    assert.deepEqual([result.exitCode, result.stderr], [0, '']);
    await assertArchived(pusher, segment);
    const next = await start();
    assert.equal((await push(segment)).exitCode, 0);
    assert.equal(next.child.exitCode, null);
  });

  it('may hang: a push waits five seconds for it and no longer, and a new one replaces it', async () => {
    await using scene = await createScene();
    const { pusher, push, start } = scene;
    const hanging = await start();
    hanging.child.kill('SIGSTOP');
    const segment = pusher.writeSegment(1);
    const result = await push(segment);
    assert.equal(result.exitCode, 0, result.stderr);
    assert.match(result.stderr, /^walvault: WARNING: the agent did not answer \(no sign of life for 5 s\)/);
    await assertArchived(pusher, segment);
    const next = await start();
    hanging.child.kill('SIGCONT');
    const { exitCode } = await hanging.ended();
    assert.equal(exitCode, 0, hanging.output());
    assert.match(hanging.output(), /another agent has taken over/);
    assert.equal((await push(segment)).stderr, '');
    assert.equal(next.child.exitCode, null);
  });

  it('leaves at once when another one is there already', async () => {
    await using scene = await createScene();
    const { place, start } = scene;
    const first = await start();
    const second = await start({}, 'its end');
    assert.equal((await second.ended()).exitCode, 0);
    assert.match(second.output(), /another agent is there/);
    assert.equal(first.child.exitCode, null);
    assert.equal(socketNames(place).length, 1);
  });

  it('takes no nonsense for a question', async () => {
    await using scene = await createScene();
    const { pusher, place, push, start } = scene;
    const agent = await start();
    const [socket = ''] = socketNames(place);
    const path = join(place.directory, socket);
    const ends = ['', '{', 'x'.repeat(300_000), '\0\0\0'].map(
      text =>
        new Promise<void>(resolve => {
          const connection = createConnection(path);
          connection.on('error', () => undefined);
          connection.once('close', () => resolve());
          connection.resume();
          connection.end(text);
        }),
    );
    await Promise.all(ends);
    const segment = pusher.writeSegment(1);
    assert.equal((await push(segment)).exitCode, 0);
    assert.equal(agent.child.exitCode, null);
    const other = createConnection(path);
    other.end('{"v":99,"verb":"push"}\n');
    assert.equal((await agent.ended()).exitCode, 0);
    await delay(0);
  });
});
