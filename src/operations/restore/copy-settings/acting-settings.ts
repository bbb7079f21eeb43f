/**
 * The settings that would act in a restored copy because its origin's configuration has them (P12), and what the copy
 * gets in their place.
 *
 * One question decides what stands here: does the setting archive, delete, delay, notify, connect, run jobs, write a
 * file of the origin's, or end replay? A test puts it to every setting that PostgreSQL has, so that a new version
 * makes a person look.
 */

/** The circumstances under which a setting may act after all. */
export type KeptBy = 'archive-mode' | 'keep-subscriptions' | 'primary-conninfo';

export interface ActingSetting {
  readonly name: string;
  /** What it would do in the copy; completes "it …". */
  readonly why: string;
  readonly copy: string;
  /** Only an absolute path acts outside the copy: another value is left alone where it is known. */
  readonly ifAbsolute?: boolean;
  /** The value that would act, where every other one is harmless: this one is overridden only where it is known. */
  readonly ifValue?: RegExp;
  /** The first and the last major version of PostgreSQL that has it: a server does not start with an unknown one. */
  readonly since?: number;
  readonly until?: number;
  /** `--keep-setting` keeps every one of them. */
  readonly keptBy?: KeptBy;
}

const serverSettings: readonly ActingSetting[] = [
  {
    name: 'archive_mode',
    copy: 'off',
    why: 'archives into the repository of the origin, which destroys its next recovery',
    keptBy: 'archive-mode',
  },
  {
    name: 'archive_cleanup_command',
    copy: '',
    why: 'runs a command during replay that deletes WAL, often from an archive',
  },
  {
    name: 'recovery_end_command',
    copy: '',
    why: 'runs a command at the end of recovery, such as a change of address',
  },
  {
    name: 'recovery_min_apply_delay',
    copy: '0',
    why: 'delays replay',
  },
  {
    name: 'promote_trigger_file',
    copy: '',
    why: 'ends replay as soon as a file of the origin is there',
    until: 15,
  },
  {
    name: 'primary_slot_name',
    copy: '',
    why: 'uses a replication slot of another standby',
  },
  {
    name: 'sync_replication_slots',
    copy: 'off',
    why: 'connects to the primary and makes its logical slots here',
    since: 17,
    keptBy: 'primary-conninfo',
  },
  {
    name: 'synchronized_standby_slots',
    copy: '',
    why: 'makes logical replication wait for standbys that the copy does not have',
    since: 17,
  },
  {
    name: 'synchronous_standby_names',
    copy: '',
    why: 'makes every commit wait for standbys that the copy does not have',
  },
  {
    name: 'max_logical_replication_workers',
    copy: '0',
    why: "lets subscriptions take changes from the origin's slots",
    keptBy: 'keep-subscriptions',
  },
  {
    name: 'external_pid_file',
    // A server complains about an empty path each time it starts; a backup leaves this name out.
    copy: '.walvault.pid',
    why: "overwrites the origin's file and removes it when the copy stops",
    ifAbsolute: true,
  },
  {
    name: 'stats_temp_directory',
    copy: 'pg_stat_tmp',
    why: "overwrites the origin's statistics",
    ifAbsolute: true,
    until: 14,
  },
  {
    name: 'log_directory',
    copy: 'log',
    why: "writes into the origin's log files",
    ifAbsolute: true,
  },
  {
    name: 'bonjour',
    copy: 'off',
    why: 'announces the copy under the name of the origin',
  },
  {
    name: 'huge_pages',
    copy: 'try',
    why: 'keeps the copy from starting on a host that has reserved no huge pages',
    ifValue: /^on$/i,
  },
];

/**
 * Libraries that run jobs of their own once they are preloaded. Their settings have a prefix, so a server without the
 * library takes them for anything and does nothing with them. The libraries themselves stay: without those that have a
 * WAL resource manager replay ends (RmgrNotFound in rmgr.c), and others are needed to read their tables.
 */
const jobSettings: readonly ActingSetting[] = [
  { name: 'cron.launch_active_jobs', copy: 'off', why: 'runs the jobs of pg_cron (1.6 and later)' },
  { name: 'cron.max_running_jobs', copy: '0', why: 'runs the jobs of pg_cron' },
  {
    name: 'timescaledb.max_background_workers',
    copy: '0',
    why: 'runs the jobs of TimescaleDB, which drop and compress chunks',
  },
  {
    name: 'citus.recover_2pc_interval',
    copy: '-1',
    why: "ends prepared transactions on the origin's worker nodes (Citus)",
  },
  {
    name: 'citus.distributed_deadlock_detection_factor',
    copy: '-1',
    why: "connects to the origin's worker nodes (Citus)",
  },
  {
    name: 'citus.background_task_queue_interval',
    copy: '-1',
    why: "moves shards between the origin's worker nodes (Citus)",
  },
  {
    name: 'citus.defer_shard_delete_interval',
    copy: '-1',
    why: "deletes shards on the origin's worker nodes (Citus)",
  },
];

export const actingSettings: readonly ActingSetting[] = [...serverSettings, ...jobSettings];

/**
 * Libraries that are preloaded for the sake of their jobs and do nothing else then; no setting of theirs stops the
 * jobs. They have no WAL resource manager, and no table needs them, so the copy does without.
 */
export const jobLibraries: readonly {
  readonly name: string;
  readonly why: string;
  readonly keptBy?: KeptBy;
}[] = [
  {
    name: 'pglogical',
    why: "lets subscriptions of pglogical take changes from the origin's slots",
    keptBy: 'keep-subscriptions',
  },
  { name: 'pg_partman_bgw', why: 'makes and drops partitions (pg_partman)' },
  { name: 'pg_squeeze', why: 'rewrites tables by schedule (pg_squeeze)' },
];
