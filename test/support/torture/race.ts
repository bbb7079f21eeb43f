/** Two processes push one name at the same time: one content is archived, and the push of the other content fails. */
import assert from 'node:assert/strict';
import type { RunOptions } from '../site/run.ts';
import type { Site } from '../site/site.ts';
import { createPusher } from './pusher.ts';

export interface RaceFigures {
  readonly rounds: number;
  readonly wonByFirst: number;
}

export async function racePushes(site: Site, rounds: number, run: RunOptions = {}): Promise<RaceFigures> {
  const first = await createPusher(site, { segmentSizeMiB: 1 });
  const second = first.twin();
  let wonByFirst = 0;
  for (let round = 1; round <= rounds; round++) {
    // The first round also races for the cluster's record and for every directory.
    const ours = first.writeSegment(round * 2);
    const theirs = second.writeSegment(round * 2);
    const results = await Promise.all([first.push(ours, run), second.push(theirs, run)]);
    const statuses = results.map(({ exitCode }) => exitCode);
    const told = results.map(({ stderr }) => stderr).join('\n');
    assert.ok(statuses.includes(0) && statuses.includes(8), `${statuses.join(' and ')}: ${told}`);
    const [winner, loser] = statuses[0] === 0 ? [ours, theirs] : [theirs, ours];
    if (winner === ours) wonByFirst++;
    assert.match(told, new RegExp(`walvault: .*${loser.name} is archived with other content.*\nHINT: `));
    const fetched = await first.fetch(winner, run);
    assert.ok(fetched.data?.equals(winner.data), fetched.result.stderr);

    const same = first.writeSegment(round * 2 + 1);
    second.place(same);
    const both = await Promise.all([first.push(same, run), second.push(same, run)]);
    assert.deepEqual(
      both.map(({ exitCode }) => exitCode),
      [0, 0],
      both.map(({ stderr }) => stderr).join('\n'),
    );
    const agreed = await second.fetch(same, run);
    assert.ok(agreed.data?.equals(same.data), agreed.result.stderr);
  }
  return { rounds, wonByFirst };
}
