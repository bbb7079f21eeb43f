/** The scenarios of `npm run soak`: their length, and the words for their results. */
import { randomBytes } from 'node:crypto';
import { formatDuration, formatSize } from '../../src/base/units.ts';
import { agentPlace } from '../../test/support/site/agents.ts';
import { embeddedBinaries } from '../../test/support/servers/postgres-binaries.ts';
import { newerTools } from '../../test/support/servers/postgres-tools.ts';
import { createSite } from '../../test/support/site/site.ts';
import { archiveLoad } from '../../test/support/torture/archive-load.ts';
import { signalPushes } from '../../test/support/torture/archiver-signals.ts';
import { combineByHand } from '../../test/support/torture/combine.ts';
import {
  failFsyncs,
  fillDuringBackup,
  fillDuringFetch,
  fillDuringPush,
  fillDuringRestore,
} from '../../test/support/torture/disk-faults.ts';
import { disturbBackups } from '../../test/support/torture/disturb-backup.ts';
import { isExcused, requireMounts } from '../../test/support/torture/file-systems.ts';
import { assertNothingIsLeft, killAgentConf, killAgents } from '../../test/support/torture/kill-agent.ts';
import { killBackups } from '../../test/support/torture/kill-backup.ts';
import { killDeltaRestores } from '../../test/support/torture/kill-delta.ts';
import { killCleanups } from '../../test/support/torture/kill-cleanup.ts';
import { killPushes } from '../../test/support/torture/kill-push.ts';
import { killRestores } from '../../test/support/torture/kill-restore.ts';
import { lookAtLargeArchive } from '../../test/support/torture/large-archive.ts';
import { cycleOfLargeCluster } from '../../test/support/torture/large-cluster.ts';
import { cleanUpLive } from '../../test/support/torture/live-cleanup.ts';
import { memoryLimits, memoryOfBackup, memoryOfPush } from '../../test/support/torture/memory.ts';
import { surviveOutages } from '../../test/support/torture/outage.ts';
import { cutPower } from '../../test/support/torture/power-cut.ts';
import { liveSevenDays } from '../../test/support/torture/seven-days.ts';
import { startAsProcessOne } from '../../test/support/torture/process-one.ts';
import { growTrees } from '../../test/support/torture/trees.ts';
import { surviveRansomware } from '../../test/support/torture/ransomware.ts';
import { racePushes } from '../../test/support/torture/race.ts';
import { archiveAndRecover } from '../../test/support/torture/segment-sizes.ts';
import { allSegmentSizesMiB, liveThroughVersions } from '../../test/support/torture/versions.ts';
import { interleave } from '../../test/support/torture/interleavings/interleave.ts';
import { createS3Site } from '../../test/support/site/store-site.ts';

import { fuzzParsers, type SoakOptions } from './fuzz-parsers.ts';

export interface Scenario {
  readonly name: string;
  /** Resolves with its figures in one line. */
  run(options: SoakOptions): Promise<string>;
  /** True: it does not need the executable. */
  readonly runsSources?: true;
}

const rounds = 50;

export const scenarios: readonly Scenario[] = [
  { name: 'kill-push', run: async () => describe(await killPushes(await createSite(), rounds)) },
  { name: 'kill-push-s3', run: () => onS3(async site => describe(await killPushes(site, rounds))) },
  { name: 'kill-backup', run: async () => describe(await killBackups(await createSite(), rounds)) },
  { name: 'disturb-backup', run: options => mounting(() => disturbBackup(options)) },
  { name: 'kill-restore', run: async () => describe(await killRestores(await createSite(), rounds)) },
  { name: 'kill-delta', run: killDelta },
  { name: 'combine-18', run: async () => describe(await combineByHand(18, await newerTools('sid', 18))) },
  { name: 'trees', run: options => trees(options) },
  { name: 'trees-18', run: options => trees(options, embeddedBinaries(18)) },
  { name: 'kill-cleanup', run: killCleanup },
  { name: 'live-cleanup', run: liveCleanup },
  { name: 'race', run: async () => describe(await racePushes(await createSite(), 25)) },
  { name: 'race-s3', run: () => onS3(async site => describe(await racePushes(site, 25))) },
  { name: 'power-cut-ext2', run: () => mounting(async () => describe(await cutPower('ext2', 5))) },
  { name: 'power-cut-ext4', run: () => mounting(async () => describe(await cutPower('ext4', 5))) },
  { name: 'disk-faults', run: () => mounting(diskFaults) },
  { name: 'sigterm', run: terminateUnderArchiver },
  { name: 'process-one', run: () => mounting(killUnderProcessOne) },
  { name: 'archive-load', run: loadArchiver },
  { name: 'kill-agent', run: killAgentsUnderLoad },
  { name: 'segment-sizes', run: largestSegments },
  { name: 'versions', run: allVersions },
  { name: 'ransomware', run: async () => describe(await surviveRansomware()) },
  { name: 'memory', run: measureMemory },
  { name: 'large-cluster', run: cycleLargeCluster },
  { name: 'large-archive', run: lookAtMillion },
  { name: 'interleavings', run: () => interleaveAccounts(200) },
  { name: 'interleavings-killed', run: () => interleaveAccounts(60, true) },
  { name: 'outage', run: outage },
  { name: 'seven-days', run: sevenDays },
  { name: 'fuzz', run: fuzzParsers, runsSources: true },
];

/** WALVAULT_TEST_SEGMENTS: another number than a million. */
async function lookAtMillion(): Promise<string> {
  const segments = Number(process.env['WALVAULT_TEST_SEGMENTS'] ?? 1_000_000);
  const figures = await lookAtLargeArchive({ segments, backups: 1000, latencyMs: 20 }, console.log);
  const mostMiB = Math.max(...figures.map(({ residentMiB }) => residentMiB));
  if (mostMiB * 1024 ** 2 > memoryLimits.largeArchiveBytes) throw new Error(`${mostMiB} MiB resident`);
  const words = figures.map(
    ({ place, verb, elapsedMs, requests }) =>
      `${verb} ${place} ${formatDuration(elapsedMs)}${requests === undefined ? '' : ` ${requests} requests`}`,
  );
  return `${segments} segments: ${words.join(', ')}; at most ${mostMiB} MiB resident`;
}

async function disturbBackup({ seed = randomBytes(2).toString('hex') }: SoakOptions): Promise<string> {
  const rounds = Number(process.env['WALVAULT_TEST_ROUNDS'] ?? 50);
  const figures = await disturbBackups(Number.parseInt(seed, 16), rounds, console.log);
  return `seed ${seed}: ${describe(figures)}`;
}

/** WALVAULT_TEST_ROUNDS: another number than 100. */
async function trees(
  { seed = randomBytes(2).toString('hex') }: SoakOptions,
  binDir?: string,
): Promise<string> {
  const rounds = Number(process.env['WALVAULT_TEST_ROUNDS'] ?? 100);
  const figures = await growTrees({
    seed: Number.parseInt(seed, 16),
    rounds,
    postgres: binDir === undefined ? {} : { binDir },
    usesSummaries: binDir !== undefined,
    say: console.log,
  });
  return `seed ${seed}: ${describe(figures)}`;
}

async function killDelta(): Promise<string> {
  const rounds = Number(process.env['WALVAULT_TEST_ROUNDS'] ?? 50);
  return describe(await killDeltaRestores(await createSite(), rounds));
}

async function killCleanup({ seed = randomBytes(2).toString('hex') }: SoakOptions): Promise<string> {
  const rounds = Number(process.env['WALVAULT_TEST_ROUNDS'] ?? 100);
  return `seed ${seed}: ${describe(await killCleanups(rounds, Number.parseInt(seed, 16), console.log))}`;
}

async function liveCleanup(): Promise<string> {
  return describe(await cleanUpLive(await createSite(), { restores: 5, backups: 8, say: console.log }));
}

/** Of a simulated week; WALVAULT_TEST_HOURS gives another number of hours. */
async function sevenDays(): Promise<string> {
  const hours = Number(process.env['WALVAULT_TEST_HOURS'] ?? 7 * 24);
  return describe(await liveSevenDays(hours, 20, console.log));
}

async function diskFaults(): Promise<string> {
  const fsyncs = await failFsyncs();
  for (const fill of [fillDuringPush, fillDuringFetch, fillDuringBackup, fillDuringRestore]) await fill();
  return `each of ${fsyncs} fsyncs of push failed in turn; full in push, fetch, backup, restore`;
}

async function terminateUnderArchiver(): Promise<string> {
  const site = await createSite();
  await using server = await site.startOrigin();
  return describe(await signalPushes(site, server, { signal: 'SIGTERM', rounds: 20 }));
}

async function killUnderProcessOne(): Promise<string> {
  const site = await createSite();
  const { server, stop } = await startAsProcessOne({
    initdbArgs: ['--wal-segsize=1'],
    conf: site.archiveConf,
  });
  try {
    return describe(await signalPushes(site, server, { signal: 'SIGKILL', rounds: 10 }));
  } finally {
    await stop();
  }
}

async function loadArchiver(): Promise<string> {
  const { segments, storedBytes, elapsedMs, failedCount } = await archiveLoad(await createSite(), 200);
  return `${segments} segments of 16 MiB archived and equal to the originals, ${formatSize(storedBytes)} stored, ${formatDuration(elapsedMs)}, ${failedCount} failed attempts`;
}

/** About half an hour: a killed agent costs the pushes until the next one a process with all it loads. */
async function killAgentsUnderLoad(): Promise<string> {
  const site = await createSite();
  const place = agentPlace({ WALVAULT_ARCHIVE_BATCH: 'off' });
  await using server = await site.startOrigin({ env: place.env, conf: killAgentConf });
  const segments = Number(process.env['WALVAULT_TEST_SEGMENTS'] ?? 10_000);
  const often = { everyMs: 4000, pushEveryMs: 40_000 };
  const figures = await killAgents({ site, server, place }, { segments, ...often });
  await server.stop();
  await assertNothingIsLeft(place);
  return describe(figures);
}

/** Segments of 1 GiB, over the end of the first four; 12 GB of scratch space. */
async function largestSegments(): Promise<string> {
  const { archived, asked, served } = await archiveAndRecover(1024, 6);
  if (served === 0) throw new Error('no segment was fetched ahead');
  return `${archived} segments of 1 GiB archived by ${asked} pushes and recovered, ${served} of them fetched ahead`;
}

/** With segments of each size, or of those of WALVAULT_TEST_SEGMENT_SIZES, in MiB. */
async function allVersions(): Promise<string> {
  const named = process.env['WALVAULT_TEST_SEGMENT_SIZES']?.split(',').map(Number);
  return describe(await liveThroughVersions(named ?? allSegmentSizesMiB, console.log));
}

async function measureMemory(): Promise<string> {
  const pushBytes = await memoryOfPush(await createSite(), 16);
  const figures = await memoryOfBackup(await createSite(), 2048);
  const { clusterBytes, backupBytes, backupMs, restoreBytes, restoreMs } = figures;
  const text =
    `push ${formatSize(pushBytes)}; cluster of ${formatSize(clusterBytes)}: ` +
    `backup ${formatSize(backupBytes)} in ${formatDuration(backupMs)}, restore ${formatSize(restoreBytes)} in ${formatDuration(restoreMs)}`;
  const isWithin =
    pushBytes <= memoryLimits.pushBytes &&
    backupBytes <= memoryLimits.backupBytes &&
    restoreBytes <= memoryLimits.restoreBytes;
  if (!isWithin) throw new Error(`too much memory: ${text}`);
  return text;
}

/** A million files, or WALVAULT_TEST_FILES; a table of 40 GiB, or of WALVAULT_TEST_TABLE_GIB, which a restore writes in full. */
async function cycleLargeCluster(): Promise<string> {
  const { fileCount, clusterBytes, verbs } = await cycleOfLargeCluster(
    await createSite(),
    {
      files: Number(process.env['WALVAULT_TEST_FILES'] ?? 1_000_000),
      tableGiB: Number(process.env['WALVAULT_TEST_TABLE_GIB'] ?? 40),
    },
    console.log,
  );
  const figures = Object.entries(verbs).map(
    ([verb, { residentBytes, elapsedMs }]) =>
      `${verb} ${formatSize(residentBytes)} in ${formatDuration(elapsedMs)}`,
  );
  const text = `${fileCount} files of ${formatSize(clusterBytes)}: ${figures.join(', ')}`;
  if (Object.values(verbs).some(({ residentBytes }) => residentBytes > memoryLimits.largeClusterBytes))
    throw new Error(`too much memory: ${text}`);
  return text;
}

/** That many seeds, or those of WALVAULT_TEST_SEEDS, of each the first WALVAULT_TEST_STEPS steps. */
async function interleaveAccounts(seeds: number, kills = false): Promise<string> {
  const named = process.env['WALVAULT_TEST_SEEDS']?.split(',').map(Number);
  const steps = process.env['WALVAULT_TEST_STEPS'];
  return describe(
    await interleave(named ?? Array.from({ length: seeds }, (_, index) => index + 1), {
      kills,
      ...(steps !== undefined && { stepLimit: Number(steps) }),
      lanes: Math.min(2, named?.length ?? 2),
      onSeed: console.log,
    }),
  );
}

/** Three outages: the store is unreachable four fifths of the time, while the server writes a few segments a minute. */
async function outage({ minutes = 30 }: SoakOptions): Promise<string> {
  const eachMs = (minutes / 3) * 60_000;
  const length = { outages: 3, awayMs: eachMs * 0.8, presentMs: eachMs * 0.15, pauseMs: 350 };
  const figures = await surviveOutages(length);
  const { transactions, segments, failedAttempts, largestBacklog, drainMs, pushBytes, archiverBytes } =
    figures;
  const thirds = (bytes: readonly number[]) => bytes.map(formatSize).join(' at first, ');
  return (
    `${transactions} transactions in ${segments} segments all restored, ${failedAttempts} failed attempts, ` +
    `backlog up to ${largestBacklog}, drained in ${formatDuration(drainMs)} at most; ` +
    `push ${thirds(pushBytes)} at last; archiver ${thirds(archiverBytes)} at last`
  );
}

async function onS3(
  work: (site: Awaited<ReturnType<typeof createSite>>) => Promise<string>,
): Promise<string> {
  const { site, server } = await createS3Site();
  try {
    return await work(site);
  } finally {
    await server.close();
  }
}

async function mounting(work: () => Promise<string>): Promise<string> {
  if (isExcused()) return 'not run: WALVAULT_TEST_WITHOUT_LOOP=1';
  requireMounts();
  return work();
}

/** `killedAtFsync: 8` becomes `8 killed at fsync`. */
function describe(figures: object): string {
  return Object.entries(figures)
    .map(
      ([name, value]) => `${String(value)} ${name.replace(/[A-Z]/g, letter => ` ${letter.toLowerCase()}`)}`,
    )
    .join(', ');
}
