/** `push` killed at random moments: a segment is archived whole or not at all, and the next push archives it. */
import assert from 'node:assert/strict';
import type { RunOptions } from '../site/run.ts';
import type { Site } from '../site/site.ts';
import { Auditor } from './audit.ts';
import { killAtRandom, usualDurationMs } from './kill.ts';
import { createPusher, type PusherOptions } from './pusher.ts';

export interface KillPushFigures {
  readonly rounds: number;
  /** The others had ended before the signal came. */
  readonly killed: number;
  /** Killed, and the segment was there already. */
  readonly visibleAfterKill: number;
  /** Temporary files of dead writers in a directory store at the end. */
  readonly temporaryFiles: number;
}

export interface KillPushOptions extends PusherOptions {
  readonly run?: RunOptions;
}

export async function killPushes(
  site: Site,
  rounds: number,
  options: KillPushOptions = {},
): Promise<KillPushFigures> {
  const { run = {} } = options;
  const pusher = await createPusher(site, options);
  const auditor = new Auditor(site, pusher.systemId);
  let number = 1;
  let usualMs = await usualDurationMs(async () => {
    const segment = pusher.writeSegment(number++);
    const result = await pusher.push(segment, run);
    assert.equal(result.exitCode, 0, result.stderr);
    return result;
  });
  let killed = 0;
  let visibleAfterKill = 0;
  for (let round = 0; round < rounds || (killed === 0 && round < 10 * rounds); round++) {
    const segment = pusher.writeSegment(number++);
    const { wasKilled, result } = await killAtRandom(
      options => pusher.push(segment, { ...run, ...options }),
      usualMs,
    );
    if (!wasKilled) assert.equal(result.exitCode, 0, result.stderr);
    if (wasKilled) killed++;
    else usualMs = Math.min(usualMs, result.elapsedMs);

    const seen = await pusher.fetch(segment, run);
    assert.ok(seen.result.exitCode === 0 || seen.result.exitCode === 1, seen.result.stderr);
    if (seen.data !== undefined) assert.ok(seen.data.equals(segment.data), `${segment.name} is torn`);
    if (!wasKilled) assert.equal(seen.result.exitCode, 0, 'archived, and absent');
    if (wasKilled && seen.data !== undefined) visibleAfterKill++;
    await auditor.audit();

    const again = await pusher.push(segment, run);
    assert.equal(again.exitCode, 0, again.stderr);
    const fetched = await pusher.fetch(segment, run);
    assert.ok(fetched.data?.equals(segment.data), fetched.result.stderr);
    pusher.removeSegment(segment);
  }
  const { temporaryFiles } = await auditor.audit();
  return { rounds, killed, visibleAfterKill, temporaryFiles: temporaryFiles.length };
}
