/**
 * `npm run bench -- drain`: how fast a backlog becomes durable through PostgreSQL's own archiver, beside zstd alone
 * on the same files, and beside pgBackRest. Each round runs all of them in turn.
 */
import { createSite } from '../../test/support/site/site.ts';
import { onlyAgent, watchIdle } from './agent-process.ts';
import { makeBacklog } from './backlog.ts';
import { drain } from './drain-once.ts';
import { drainFigures, idleFigures, progressOf, type Drains } from './drain-figures.ts';
import { pgBackRestDrainer, walvaultDrainer, type DrainStore } from './drainers.ts';
import type { Figure } from './figure.ts';
import { pgBackRestVersion } from './pgbackrest.ts';
import { forgetFiles } from './repository-files.ts';
import { startS3Site } from './s3-site.ts';

export interface DrainBenchOptions {
  readonly segments: number;
  readonly rounds: number;
}

export async function benchDrain({ segments, rounds }: DrainBenchOptions): Promise<Figure[]> {
  const backlog = await makeBacklog(segments);
  const site = await createSite();
  await using s3 = await startS3Site('lean');
  const directory: DrainStore = {
    name: 'a directory',
    site,
    forget: async () => forgetFiles(site.repositoryPath),
  };
  const stores = [directory, { name: 'S3 over TLS', ...s3 }];
  const hasPeer = (await pgBackRestVersion()) !== undefined;
  const drainers = stores.flatMap(store => [
    walvaultDrainer(store, 'on'),
    walvaultDrainer(store, 'off'),
    ...(hasPeer ? [pgBackRestDrainer(store)] : []),
  ]);
  const drains: Drains = new Map(drainers.map(drainer => [drainer, []]));
  for (let round = 0; round < rounds; round++)
    for (const drainer of drainers) {
      const drained = await drain(backlog, drainer);
      drains.get(drainer)?.push(drained);
      console.log(progressOf(drainer, drained));
    }
  const figures = stores.flatMap(store => drainFigures(store, drains));
  await drain(backlog, walvaultDrainer(directory, 'on'), async place => {
    figures.push(...idleFigures(await watchIdle(onlyAgent(place))));
  });
  if (!hasPeer) console.log('pgbackrest is not installed: the rows that compare with it are left out');
  return figures;
}
