/** The verbs that look at a whole archive, on one with a million segments: in a directory, and on a service with latency. */
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCodes } from '../../../src/base/errors/errors.ts';
import { createFsStore } from '../../../src/stores/fs/store.ts';
import { createMarker } from '../../../src/repository/format/marker.ts';
import { ensureClusterRecord } from '../../../src/repository/format/cluster-record.ts';
import { makeRepository, plainCodec, signal, system } from '../site/archive.ts';
import { temporaryDirectory } from '../site/temp.ts';
import { runWalvault } from '../site/walvault.ts';
import { backupObjectsOf, largeGeometry, recordsOf, walOf } from '../simulated/archive.ts';
import { SimulatedBucket } from '../simulated/bucket.ts';
import { startSimulatedS3 } from '../simulated/s3-server.ts';
import { createSimulatedStore } from '../simulated/store.ts';

const mebibyte = 1024 ** 2;

export interface LargeArchiveOptions {
  readonly segments: number;
  readonly backups: number;
  readonly latencyMs: number;
}

export interface LookFigures {
  readonly place: 'directory' | 's3';
  readonly verb: string;
  readonly elapsedMs: number;
  readonly residentMiB: number;
  readonly requests: number | undefined;
}

const verbs = [
  ['status'],
  ['list'],
  ['verify'],
  ['cleanup', '--keep-last', '3', '--dry-run', '--json'],
] as const;

export async function lookAtLargeArchive(
  options: LargeArchiveOptions,
  say: (figures: LookFigures) => void,
): Promise<LookFigures[]> {
  const all: LookFigures[] = [];
  const look = async (place: LookFigures['place'], url: string, takeCount?: () => number) => {
    const config = writeConfig(url);
    for (const verb of verbs) {
      takeCount?.();
      const result = await runWalvault([...verb, '--config', config], { env, timeoutMs: 3_600_000 });
      // status and verify exit with what they found: nobody has archived anything here for years.
      const isExpected = result.exitCode === 0 || ['status', 'verify'].includes(verb[0]);
      assert.ok(isExpected && result.exitCode !== errorCodes.usage, result.stderr);
      const figures: LookFigures = {
        place,
        verb: verb[0],
        elapsedMs: Math.round(result.elapsedMs),
        residentMiB: Math.round(result.maxResidentBytes / mebibyte),
        requests: takeCount?.(),
      };
      const { requests = Infinity } = figures;
      assert.ok(requests >= options.segments / 1000, `${verb[0]} looked at little: ${result.stderr}`);
      say(figures);
      all.push(figures);
    }
  };
  const bucket = simulated(options);
  await makeRepository({
    store: createSimulatedStore(bucket, { latencyMs: 0 }).store,
    geometry: largeGeometry,
  });
  await using s3 = await startSimulatedS3(bucket, options.latencyMs);
  await look('s3', s3.url, () => s3.takeCount());
  const root = temporaryDirectory('large-archive');
  try {
    await fillDirectory(root, options);
    await look('directory', `file://${root}`);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  return all;
}

const env = { AWS_ACCESS_KEY_ID: 'AKIASIMULATED', AWS_SECRET_ACCESS_KEY: 'simulated' };

function simulated({ segments, backups }: LargeArchiveOptions): SimulatedBucket {
  const described = { count: backups, everySegments: Math.floor(segments / backups) };
  return new SimulatedBucket([
    walOf(system, [{ timeline: 1, first: 1, count: segments }]),
    recordsOf(system, described),
    backupObjectsOf(system, described),
  ]);
}

function writeConfig(url: string): string {
  const path = join(temporaryDirectory('large-archive-config'), 'walvault.toml');
  const text = `cluster = "${system.cluster}"
encryption.mode = "none"
signing.verify = "off"
[[repository]]
name = "main"
url = "${url}"
`;
  writeFileSync(path, text, { mode: 0o644 });
  return path;
}

/** Segments of one byte, without metadata: a listing looks at neither. */
async function fillDirectory(root: string, { segments }: LargeArchiveOptions): Promise<void> {
  const store = createFsStore({ root });
  const repository = { name: 'main', required: true, expectedId: undefined, store, codec: plainCodec() };
  await createMarker(store, signal);
  const facts = { postgresMajor: 15, geometry: largeGeometry, blockSizeBytes: 8192 };
  await ensureClusterRecord(repository, system, facts, signal);
  const wal = walOf(system, [{ timeline: 1, first: 1, count: segments }]);
  let directory = '';
  for (let index = 0; index < segments; index++) {
    const path = join(root, wal.keyOf(index));
    const above = join(path, '..');
    if (above !== directory) mkdirSync((directory = above), { recursive: true });
    writeFileSync(path, 'x');
  }
}
