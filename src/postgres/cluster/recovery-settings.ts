/**
 * The recovery settings that restore writes into `postgresql.auto.conf`. Pure: bytes in, bytes out.
 *
 * Settings from before the restore become comments and are not removed: they belong to another recovery, or name
 * another server to follow, and the administrator may want to read them. Then all five targets are written empty, and
 * the chosen one last. PostgreSQL refuses two targets, and also an empty target after the chosen one (guc assign hooks
 * of xlogrecovery.c).
 */
export interface RecoveryTarget {
  kind: 'time' | 'lsn' | 'xid' | 'name' | 'immediate' | 'latest';
  /** In PostgreSQL's syntax; absent for `immediate` and `latest`. */
  value?: string;
  /** True by default, as in PostgreSQL. */
  inclusive?: boolean;
}

export interface RecoverySettings {
  readonly mode: 'point-in-time' | 'standby';
  readonly restoreCommand: string;
  readonly target: RecoveryTarget;
  /** A number, as text, or PostgreSQL's words `latest` and `current`. */
  readonly targetTimeline: string;
  readonly targetAction: 'pause' | 'promote' | 'shutdown';
  /** The server that a standby streams from; undefined: none. */
  readonly primaryConninfo: string | undefined;
}

/** A further setting that the copy gets, with the reason as a comment. */
export interface ReasonedSetting {
  readonly name: string;
  readonly value: string;
  readonly why: string;
}

/**
 * Settings of a recovery or of a standby (guc.c groups WAL_ARCHIVE_RECOVERY, WAL_RECOVERY_TARGET, REPLICATION_STANDBY).
 */
export const recoverySettingNames: ReadonlySet<string> = new Set([
  'restore_command',
  'archive_cleanup_command',
  'recovery_end_command',
  'recovery_target',
  'recovery_target_time',
  'recovery_target_lsn',
  'recovery_target_xid',
  'recovery_target_name',
  'recovery_target_inclusive',
  'recovery_target_timeline',
  'recovery_target_action',
  'primary_conninfo',
  'primary_slot_name',
  'promote_trigger_file',
  'recovery_min_apply_delay',
]);

const beginNote = '# Recovery settings written by walvault restore';
const oldNote = '# before the restore: ';

/** The new content of the file, whose bytes that it keeps are the same in any encoding. */
export function writeRecoverySettings(
  autoConf: Uint8Array,
  settings: RecoverySettings,
  others: readonly ReasonedSetting[] = [],
): Buffer {
  const replaced = new Set([...recoverySettingNames, ...others.map(({ name }) => name)]);
  const kept = commentOut(Buffer.from(autoConf).toString('latin1'), replaced);
  const lines = [
    beginNote,
    setting('restore_command', settings.restoreCommand),
    setting('primary_conninfo', settings.primaryConninfo ?? ''),
    ...others.map(({ name, value, why }) => `${setting(name, value)} # it ${why}`),
    setting('recovery_target', ''),
    setting('recovery_target_name', ''),
    setting('recovery_target_time', ''),
    setting('recovery_target_xid', ''),
    setting('recovery_target_lsn', ''),
    setting('recovery_target_inclusive', settings.target.inclusive === false ? 'off' : 'on'),
    setting('recovery_target_timeline', settings.targetTimeline),
    ...(settings.mode === 'standby' ? [] : [setting('recovery_target_action', settings.targetAction)]),
    ...targetLine(settings.target),
  ];
  return Buffer.concat([Buffer.from(kept, 'latin1'), Buffer.from(`${lines.join('\n')}\n`)]);
}

function targetLine({ kind, value }: RecoveryTarget): string[] {
  if (kind === 'latest') return [];
  if (kind === 'immediate') return [setting('recovery_target', 'immediate')];
  return [setting(`recovery_target_${kind}`, value ?? '')];
}

/** Turns each of these settings into a comment; all other lines stay byte for byte. */
export function commentOut(text: string, names: ReadonlySet<string>): string {
  const body = text === '' || text.endsWith('\n') ? text : `${text}\n`;
  return body
    .split('\n')
    .map(line => {
      const name = settingName(line);
      return name !== undefined && names.has(name) ? oldNote + line : line;
    })
    .join('\n');
}

/** Names are case-insensitive and may be followed by `=` or only by blanks (guc-file.l). */
export function settingName(line: string): string | undefined {
  return /^\s*([A-Za-z_][A-Za-z0-9_$.]*)\s*[=\s]/.exec(`${line} `)?.[1]?.toLowerCase();
}

/** A line of a configuration file, quoted as ALTER SYSTEM does: quotes doubled, backslashes too. */
export function setting(name: string, value: string): string {
  return `${name} = ${quoteSettingValue(value)}`;
}

/**
 * A value in single quotes. PostgreSQL's configuration file takes `''` and `\\` (guc-file.l, DeescapeQuotedString); a
 * line break cannot be written.
 */
export function quoteSettingValue(value: string): string {
  return `'${value
    .replaceAll('\\', '\\\\')
    .replaceAll("'", "''")
    .replaceAll(/[\r\n]+/g, ' ')}'`;
}
