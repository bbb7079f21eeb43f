/** A data directory without a server: a control file and made-up WAL segments, to push and fetch by hand. */
import { randomFillSync } from 'node:crypto';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { WalGeometry } from '../../../src/postgres/wal/geometry.ts';
import { readControlFile } from '../../../src/postgres/cluster/control-file.ts';
import { startPostgres } from '../servers/postgres-server.ts';
import type { RunOptions, RunResult } from '../site/run.ts';
import type { Site } from '../site/site.ts';
import { temporaryDirectory } from '../site/temp.ts';
import { giveToUnprivileged } from '../site/unprivileged.ts';
import { makeSegment } from '../wal/wal.ts';

export interface Segment {
  readonly name: string;
  readonly data: Buffer;
}

export interface Pusher {
  readonly directory: string;
  readonly systemId: bigint;
  /** Makes up segment `number`, random behind its first page, and puts it into pg_wal. */
  writeSegment(number: number): Segment;
  /** Puts a segment into pg_wal as it is. */
  place(segment: Segment): void;
  removeSegment(segment: Segment): void;
  push(segment: Segment, options?: RunOptions): Promise<RunResult>;
  /** Status 0 with the bytes, or the status alone. */
  fetch(segment: Segment, options?: RunOptions): Promise<{ result: RunResult; data: Buffer | undefined }>;
  /** Another data directory of the same system: a second server that believes to be on the same timeline. */
  twin(): Pusher;
}

/** The site's own deadlines are for servers that are meant to give up soon; a busy machine may take longer. */
export const patience = {
  WALVAULT_ARCHIVE_TIMEOUT: '60s',
  WALVAULT_FETCH_TIMEOUT: '60s',
  WALVAULT_FETCH_STANDBY_TIMEOUT: '60s',
} as const;

export interface PusherOptions {
  /** Default 16, PostgreSQL's own default. */
  readonly segmentSizeMiB?: number;
}

export async function createPusher(site: Site, options: PusherOptions = {}): Promise<Pusher> {
  const segmentSizeMiB = options.segmentSizeMiB ?? 16;
  const { dataDirectory } = await startPostgres({
    start: false,
    initdbArgs: [`--wal-segsize=${segmentSizeMiB}`],
  });
  const { systemId } = await readControlFile(dataDirectory, new AbortController().signal);
  const controlFilePath = join(dataDirectory, 'global', 'pg_control');
  return pusherOf(site, { systemId, controlFilePath, segmentSizeBytes: segmentSizeMiB * 1024 ** 2 });
}

interface SystemOfPusher {
  readonly systemId: bigint;
  readonly controlFilePath: string;
  readonly segmentSizeBytes: number;
}

function pusherOf(site: Site, system: SystemOfPusher): Pusher {
  const { systemId, controlFilePath, segmentSizeBytes } = system;
  const directory = temporaryDirectory('pusher');
  for (const name of ['global', 'pg_wal', 'fetched']) mkdirSync(join(directory, name), { mode: 0o700 });
  copyFileSync(controlFilePath, join(directory, 'global', 'pg_control'));
  giveToUnprivileged(directory);
  const place = ({ name, data }: Segment) => writeFileSync(join(directory, 'pg_wal', name), data);
  return {
    directory,
    systemId,
    place,
    writeSegment(number) {
      const name = new WalGeometry(segmentSizeBytes).nameOf(1, BigInt(number));
      const made = { timeline: 1, number: BigInt(number), systemId, segmentSizeBytes };
      const data = makeSegment(made);
      randomFillSync(data, 8192);
      place({ name, data });
      return { name, data };
    },
    removeSegment: ({ name }) => rmSync(join(directory, 'pg_wal', name)),
    push: ({ name }, run = {}) =>
      site.walvault(['push', `pg_wal/${name}`], { cwd: directory, ...run, env: { ...patience, ...run.env } }),
    async fetch({ name }, run = {}) {
      const destination = join('fetched', name);
      const result = await site.walvault(['fetch', name, destination], {
        cwd: directory,
        ...run,
        env: { ...patience, ...run.env },
      });
      const data = result.exitCode === 0 ? readFileSync(join(directory, destination)) : undefined;
      rmSync(join(directory, destination), { force: true });
      return { result, data };
    },
    twin: () => pusherOf(site, system),
  };
}
