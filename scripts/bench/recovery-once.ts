/** One recovery by a real server, with the agent fetching ahead of it. */
import { chmodSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { agentPlace } from '../../test/support/site/agents.ts';
import { outcomeOf, startRecovery, type Site } from '../../test/support/site/site.ts';
import { temporaryDirectory } from '../../test/support/site/temp.ts';
import { giveToUnprivileged } from '../../test/support/site/unprivileged.ts';
import { endAgents } from './agent-process.ts';
import { median } from './command.ts';

export interface Recovered {
  /** From the first segment that was there to the last. */
  readonly perSecond: number;
  /** Part of the second half's time in which PostgreSQL waited for restore_command, 0 to 1; 0 unless timed. */
  readonly waiting: number;
  readonly warm: { readonly segments: number; readonly elapsedMs: number };
  /** Of one restore_command; 0 unless timed. */
  readonly medianMs: number;
}

interface Restored {
  readonly startMs: number;
  readonly endMs: number;
}

/**
 * `isTimed`: restore_command is a script that tells the time before and after, which itself takes a few milliseconds.
 * @throws Error when the recovery failed, or less than half of the segments came from the agent
 */
export async function recover(
  site: Site,
  base: string,
  names: readonly string[],
  { isTimed = false } = {},
): Promise<Recovered> {
  const place = agentPlace();
  const timer = isTimed ? createTimer(site) : undefined;
  const server = await startRecovery(site, {
    from: base,
    mode: 'point-in-time',
    restoreCommand: timer?.command ?? site.command('fetch %f "%p"'),
    // The harness's own are short, for tests that wait for them.
    env: { ...place.env, WALVAULT_FETCH_TIMEOUT: '60s', WALVAULT_FETCH_STANDBY_TIMEOUT: '5s' },
    conf: { shared_buffers: '128MB', max_wal_size: '1GB', hot_standby: 'off', log_line_prefix: "'%n '" },
  });
  const outcome = await outcomeOf(server, 600_000);
  if (outcome !== 'promoted') throw new Error(`the recovery ${outcome}:\n${server.logTail()}`);
  const { stdout } = await site.walvault(['agent', 'status'], { env: place.env });
  await server.stop();
  await endAgents(place);
  rmSync(server.dataDirectory, { recursive: true });
  if (Number(/(\d+) of them served/.exec(stdout)?.[1] ?? 0) < names.length / 2)
    throw new Error(`too few segments came from the agent:\n${stdout}`);
  // The first is asked for twice: for the record of the checkpoint, and when replay begins.
  const all = new Map((timer?.restored() ?? restoredIn(server.log())).map(one => [one.name, one]));
  const restored = [...all.values()].filter(({ name }) => names.includes(name));
  if (restored.length !== names.length)
    throw new Error(`${restored.length} of ${names.length} were restored`);
  return summarize(restored);
}

function summarize(restored: readonly Restored[]): Recovered {
  const warm = restored.slice(restored.length >> 1);
  const took = ({ startMs, endMs }: Restored) => endMs - startMs;
  return {
    perSecond: ((restored.length - 1) / elapsedMs(restored)) * 1000,
    waiting: warm.slice(1).reduce((total, one) => total + took(one), 0) / elapsedMs(warm),
    warm: { segments: warm.length - 1, elapsedMs: elapsedMs(warm) },
    medianMs: median(restored.map(took)),
  };
}

/** From the end of the first to the end of the last. */
function elapsedMs(restored: readonly Restored[]): number {
  return (restored.at(-1)?.endMs ?? NaN) - (restored[0]?.endMs ?? NaN);
}

/** PostgreSQL's own words, each after the seconds since 1970. */
function restoredIn(log: string) {
  const pattern = /^(\d+\.\d+) LOG: {2}restored log file "([0-9A-F]{24})" from archive$/gm;
  return [...log.matchAll(pattern)].map(([, seconds, name = '']) => {
    const ms = Number(seconds) * 1000;
    return { name, startMs: ms, endMs: ms };
  });
}

/** bash tells the time without a process of its own. */
function createTimer(site: Site) {
  const directory = temporaryDirectory('timer');
  const script = join(directory, 'restore');
  const log = join(directory, 'log');
  const lines = [
    '#!/bin/bash',
    's=$EPOCHREALTIME',
    site.command('fetch "$1" "$2"'),
    'r=$?',
    `[ $r = 0 ] && echo "$1 $s $EPOCHREALTIME" >> ${log}`,
    'exit $r',
  ];
  writeFileSync(script, `${lines.join('\n')}\n`);
  chmodSync(script, 0o755);
  giveToUnprivileged(directory);
  return {
    command: `${script} %f "%p"`,
    restored: () =>
      (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []).map(line => {
        const [name = '', start, end] = line.split(' ');
        return { name, startMs: Number(start) * 1000, endMs: Number(end) * 1000 };
      }),
  };
}
