/**
 * The recovery settings that restore writes into `postgresql.auto.conf`. Pure: text in, text out.
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
  restoreCommand: string;
  target: RecoveryTarget;
  /** A number, as text, or PostgreSQL's words `latest` and `current`. */
  targetTimeline: string;
  targetAction: 'pause' | 'promote' | 'shutdown';
  archiveMode: 'off' | 'preserve';
}

/**
 * Settings of a recovery or of a standby (guc.c groups WAL_ARCHIVE_RECOVERY, WAL_RECOVERY_TARGET, REPLICATION_STANDBY).
 */
const recoverySettingNames = new Set([
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

export function writeRecoverySettings(autoConf: string, settings: RecoverySettings): string {
  const kept = commentOutOld(autoConf, settings.archiveMode);
  const lines = [
    beginNote,
    setting('restore_command', settings.restoreCommand),
    setting('recovery_target', ''),
    setting('recovery_target_name', ''),
    setting('recovery_target_time', ''),
    setting('recovery_target_xid', ''),
    setting('recovery_target_lsn', ''),
    setting('recovery_target_inclusive', settings.target.inclusive === false ? 'off' : 'on'),
    setting('recovery_target_timeline', settings.targetTimeline),
    setting('recovery_target_action', settings.targetAction),
    ...(settings.archiveMode === 'off' ? [setting('archive_mode', 'off')] : []),
    ...targetLine(settings.target),
  ];
  return `${kept}${lines.join('\n')}\n`;
}

function targetLine({ kind, value }: RecoveryTarget): string[] {
  if (kind === 'latest') return [];
  if (kind === 'immediate') return [setting('recovery_target', 'immediate')];
  return [setting(`recovery_target_${kind}`, value ?? '')];
}

/** Turns every setting that must not outlive the restore into a comment; all other lines stay byte for byte. */
function commentOutOld(autoConf: string, archiveMode: 'off' | 'preserve'): string {
  const body = autoConf === '' || autoConf.endsWith('\n') ? autoConf : `${autoConf}\n`;
  return body
    .split('\n')
    .map(line => {
      const name = settingName(line);
      const isOld =
        name !== undefined &&
        (recoverySettingNames.has(name) || (name === 'archive_mode' && archiveMode === 'off'));
      return isOld ? oldNote + line : line;
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
