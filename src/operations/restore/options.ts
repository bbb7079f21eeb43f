/** The options of a restore, and its result. */
import type { RecoverySettings } from '../../postgres/cluster/recovery-settings.ts';
import type { Log } from '../../observe/events/events.ts';
import type { SignaturePolicy } from '../../repository/encoding/signature-policy.ts';
import type { Repository } from '../../repository/repository.ts';
import type { ThawOptions } from '../../stores/store.ts';
import type { AccessMode } from './access-mode.ts';
import type { CopyChoices, Override } from './copy-settings/overrides.ts';
import type { FileComparer } from './delta/compare-files.ts';
import type { Finished } from './finish.ts';
import type { RestoreHold } from './hold.ts';
import type { ChosenDatabases } from './only-databases/choose-databases.ts';
import type { RestorePlan } from './plan.ts';
import type { RestoreRequest } from './request.ts';
import type { TablespaceTarget } from './tablespaces.ts';
import type { RestoreTarget } from './target.ts';
import type { PartUnpacker } from './unpack.ts';

interface StartChoice {
  /** The directory of PostgreSQL's programs; undefined: where they are usually installed. */
  readonly pgBin: string | undefined;
  /** Undefined: as the copy's configuration says. */
  readonly port: number | undefined;
  readonly env: NodeJS.ProcessEnv;
}

export interface RestoreOptions extends CopyChoices {
  /** The repositories in the order of the configuration: the first usable repository is used. */
  readonly repositories: readonly Repository[];
  readonly repositoryName: string | undefined;
  /** The moment at which the repositories are read. Undefined: as they are. */
  readonly readAt?: Date | undefined;
  readonly cluster: string;
  /** Needed only when the cluster name has backups of several PostgreSQL systems. */
  readonly systemId: bigint | undefined;
  readonly verifySignatures: SignaturePolicy;
  readonly directory: string;
  /** For a data directory of the same cluster, of which only what differs is written. Undefined: nothing may be there. */
  readonly delta?: FileComparer | undefined;
  readonly request: RestoreRequest;
  /** The names of the databases to restore; undefined: all of them. */
  readonly databaseNames?: readonly string[] | undefined;
  /** Put a configuration that lay outside the data directory into it. */
  readonly copiesConfiguration: boolean;
  /** Undefined: that of the origin, as far as PostgreSQL takes it. */
  readonly accessMode: AccessMode | undefined;
  /** A directory of its own for pg_wal; undefined: it is in the data directory. */
  readonly walDirectory: string | undefined;
  /** How much WAL the agent fetches ahead of the recovery, into pg_wal. */
  readonly prefetchBytes: number;
  /** `OID=DIRECTORY` or `OLD=NEW`. */
  readonly tablespaceMap: readonly string[];
  readonly acceptsRecordedLocations: boolean;
  /** The command for restore_command that runs this walvault with its configuration file. */
  readonly walvaultCommand: readonly string[];
  readonly configPath: string | undefined;
  readonly dryRun: boolean;
  /** Undefined: nothing is to be started. */
  readonly start: StartChoice | undefined;
  readonly unpacker: PartUnpacker;
  /** How to ask for objects in an archive tier. Undefined: the restore only reports them. */
  readonly thaw: Omit<ThawOptions, 'signal'> | undefined;
  /** How long the WAL of the finished copy is held for its server. 0: not at all. */
  readonly replayHoldMs: number;
  readonly log: Log;
  readonly signal: AbortSignal;
}

export interface RestoreResult {
  /** True: onto a data directory that was there. */
  readonly isDelta: boolean;
  readonly walDirectory: string | undefined;
  readonly plan: RestorePlan;
  readonly askedTarget: RestoreTarget;
  readonly repository: string;
  readonly directory: string;
  readonly tablespaces: readonly TablespaceTarget[];
  readonly settings: RecoverySettings;
  readonly choices: CopyChoices;
  /** In place of the origin's settings (P12). */
  readonly overrides: readonly Override[];
  /** Undefined after a dry run. */
  readonly finished: Finished | undefined;
  /** Undefined if all databases are restored, or in a dry run without a private key. */
  readonly databases: ChosenDatabases | undefined;
  /** How to start the server, if that was asked for. */
  readonly start: { readonly pgCtl: string; readonly port: number | undefined } | undefined;
  /** Undefined after a dry run. The caller ends it when the copy needs the archive no more, or disposes of it. */
  readonly hold: RestoreHold | undefined;
  readonly elapsedMs: number;
}
