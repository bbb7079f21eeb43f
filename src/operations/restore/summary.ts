/** A restore in plain values, as `--json` prints them; the text output is made from the same values. */
import { count, nameRange } from '../../postgres/wal/segment-range.ts';
import { formatLsn } from '../../postgres/wal/lsn.ts';
import type { AbsentFile } from './copy-settings/obstacles.ts';
import type { Override } from './copy-settings/overrides.ts';
import type { OwnConfiguration } from './copy-settings/own-configuration.ts';
import type { RestoreResult } from './options.ts';
import type { ServerWithPlaceholders } from './only-databases/start-only-databases.ts';
import type { Outcome } from './start/outcome.ts';
import type { StartedServer } from './start/start-restored.ts';
import { describeDropped } from './spare-drops.ts';
import { describeTarget } from './target.ts';
import type { NamedDatabase } from '../../repository/format/name-map.ts';
import { restoredBytesOf, type DamagedPage } from '../../repository/format/backup-record.ts';
import { formatMicros, microsOf } from '../../postgres/wal/timestamp.ts';

export interface RestoreSummary {
  readonly restored: boolean;
  /** Onto a data directory that was there. */
  readonly delta: boolean;
  readonly directory: string;
  /** A directory of its own for pg_wal; null: it is in the data directory. */
  readonly walDirectory: string | null;
  readonly repository: string;
  readonly backup: {
    readonly id: string;
    readonly timeline: number;
    readonly startLsn: string;
    readonly stopLsn: string;
    readonly stopTime: string;
    readonly serverVersion: number;
    readonly sizeBytes: number;
    readonly fileCount: number;
    readonly damagedPages: number;
    readonly namedDamagedPages: readonly DamagedPage[];
  };
  readonly target: string;
  /**
   * The DROP before which recovery stops, because the target that was asked for is within it; no commit is given up.
   */
  readonly spared: { readonly dropped: string; readonly lsn: string; readonly askedTarget: string } | null;
  /** The position where the target was found, if WAL was read for it. */
  readonly stopsAt: { readonly lsn: string; readonly time: string | null } | null;
  readonly lastCommit: string | null;
  readonly targetTimeline: number;
  readonly wal: { readonly first: string; readonly last: string; readonly segments: number } | null;
  readonly tablespaces: readonly { readonly oid: number; readonly from: string; readonly to: string }[];
  /** With --database; null if all databases are restored, or if they are not known for want of a private key. */
  readonly databases: {
    readonly restored: readonly NamedDatabase[];
    /** Those without data, which DROP DATABASE removes. Of a started server: also copies of one that WAL has made. */
    readonly placeholders: readonly NamedDatabase[];
  } | null;
  /** Symbolic links to data on the original host, which is a part of the restored directory; the first 100. */
  readonly links: readonly { readonly path: string; readonly location: string }[];
  /** Configuration files that lay outside the data directory; copies are under `walvault_external`. */
  readonly externalFiles: readonly string[];
  readonly settings: {
    readonly mode: 'point-in-time' | 'standby';
    readonly restoreCommand: string;
    readonly targetAction: 'pause' | 'promote' | 'shutdown';
    readonly archiveMode: 'off' | 'preserve';
    readonly subscriptions: 'off' | 'preserve';
  };
  /** The settings that the copy gets in place of its origin's. */
  readonly overrides: readonly Override[];
  /** Null after a dry run. */
  readonly configuration: OwnConfiguration | null;
  /** A command line for a shell; null after a dry run. */
  readonly startCommand: string | null;
  /** Files that the configuration names and this host does not have. */
  readonly absentFiles: readonly AbsentFile[];
  /** Preloaded libraries that may run jobs, for all that is known. */
  readonly unknownLibraries: readonly string[];
  /** The server that was started; null if none was, or if it ended before its target. */
  readonly server: {
    readonly outcome: Exclude<Outcome, 'ended'>;
    readonly port: number | null;
    readonly socketDirectory: string | null;
    /** How far it has replayed. */
    readonly lsn: string | null;
    /** Of the last transaction that it replayed. */
    readonly time: string | null;
    readonly timeline: number;
    /** Why it could not be asked. */
    readonly notAsked: string | null;
  } | null;
  readonly elapsedMs: number;
}

export function summariseRestore(
  result: RestoreResult,
  server?: StartedServer & Partial<ServerWithPlaceholders>,
): RestoreSummary {
  const { plan, settings, choices, finished, databases } = result;
  const { backup, stopsAt } = plan;
  return {
    restored: finished !== undefined,
    delta: result.isDelta,
    directory: result.directory,
    walDirectory: result.walDirectory ?? null,
    repository: result.repository,
    backup: {
      id: backup.id,
      timeline: backup.timeline,
      startLsn: formatLsn(backup.startLsn),
      stopLsn: formatLsn(backup.stopLsn),
      stopTime: formatMicros(microsOf(backup.stopTime)),
      serverVersion: backup.serverVersion,
      sizeBytes: restoredBytesOf(backup),
      fileCount: backup.fileCount,
      damagedPages: backup.damagedPages,
      namedDamagedPages: backup.namedDamagedPages ?? [],
    },
    target: settings.mode === 'standby' ? 'no end, as a standby' : describeTarget(plan.target),
    spared:
      plan.spared === undefined
        ? null
        : {
            dropped: describeDropped(plan.spared),
            lsn: formatLsn(plan.spared.lsn),
            askedTarget: describeTarget(result.askedTarget),
          },
    stopsAt:
      stopsAt === undefined ? null : { lsn: formatLsn(stopsAt.lsn), time: timeOrNull(stopsAt.timeMicros) },
    lastCommit: timeOrNull(plan.lastCommitMicros),
    targetTimeline: plan.timeline,
    wal: walOf(result),
    tablespaces: result.tablespaces.map(({ oid, location, directory }) => ({
      oid,
      from: location,
      to: directory,
    })),
    databases:
      databases === undefined
        ? null
        : { restored: databases.restored, placeholders: server?.placeholders ?? databases.leftOut },
    links: backup.links ?? [],
    externalFiles: backup.externalFiles,
    settings: {
      mode: settings.mode,
      restoreCommand: settings.restoreCommand,
      targetAction: settings.targetAction,
      archiveMode: choices.archiveMode,
      subscriptions: choices.keepsSubscriptions ? 'preserve' : 'off',
    },
    overrides: result.overrides,
    configuration: finished?.configuration ?? null,
    startCommand: finished?.startCommand ?? null,
    absentFiles: finished?.absentFiles ?? [],
    unknownLibraries: finished?.unknownLibraries ?? [],
    server: server === undefined ? null : summariseServer(server),
    elapsedMs: Math.round(result.elapsedMs),
  };
}

function summariseServer(server: StartedServer): NonNullable<RestoreSummary['server']> {
  const { outcome, port, socketDirectory, lsn, time, timeline, notAsked } = server;
  return {
    outcome,
    port: port ?? null,
    socketDirectory: socketDirectory ?? null,
    lsn: lsn === undefined ? null : formatLsn(lsn),
    time: time ?? null,
    timeline,
    notAsked: notAsked ?? null,
  };
}

function walOf({ plan }: RestoreResult): RestoreSummary['wal'] {
  const first = plan.wal[0];
  const last = plan.wal.at(-1);
  if (first === undefined || last === undefined) return null;
  const { geometry } = plan.backup;
  return {
    first: nameRange(first, geometry).firstSegment,
    last: nameRange(last, geometry).lastSegment,
    segments: count(...plan.wal),
  };
}

function timeOrNull(micros: bigint | undefined): string | null {
  return micros === undefined ? null : formatMicros(micros);
}
