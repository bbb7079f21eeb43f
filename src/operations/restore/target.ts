/** The recovery target: as people type it, as PostgreSQL's settings have it, and as messages describe it. Pure. */
import { WalvaultError } from '../../base/errors/errors.ts';
import type { RecoveryTarget } from '../../postgres/cluster/recovery-settings.ts';
import { formatLsn, parseLsn, type Lsn } from '../../postgres/wal/lsn.ts';
import { formatMicros } from '../../postgres/wal/timestamp.ts';
import { checkRestorePointName } from '../restore-point-name.ts';
import { parseTargetTime } from './target-time.ts';

/** `inclusive`: stop just after the target, PostgreSQL's default, rather than just before it. */
export type RestoreTarget =
  | { readonly kind: 'end' }
  /** Recovery stops as soon as the backup is consistent. */
  | { readonly kind: 'immediate' }
  | { readonly kind: 'time'; readonly timeMicros: bigint; readonly inclusive: boolean }
  | { readonly kind: 'lsn'; readonly lsn: Lsn; readonly inclusive: boolean }
  | { readonly kind: 'xid'; readonly transactionId: number; readonly inclusive: boolean }
  | { readonly kind: 'name'; readonly name: string };

/** The options as they were typed. */
export interface TargetOptions {
  readonly targetTime?: string | undefined;
  readonly targetLsn?: string | undefined;
  readonly targetXid?: string | undefined;
  readonly targetName?: string | undefined;
  readonly targetImmediate?: boolean | undefined;
  readonly exclusive?: boolean | undefined;
}

/**
 * Parses the options into one target.
 * @throws WalvaultError `usage`
 */
export function parseTarget(options: TargetOptions): RestoreTarget {
  const { targetTime, targetLsn, targetXid, targetName, targetImmediate } = options;
  const given = Object.entries({ targetTime, targetLsn, targetXid, targetName, targetImmediate }).filter(
    ([, value]) => value !== undefined && value !== false,
  );
  if (given.length > 1)
    throw usage('only one recovery target can be given', 'Choose one of the --target options.');
  const inclusive = options.exclusive !== true;
  if (targetTime !== undefined) return { kind: 'time', timeMicros: parseTargetTime(targetTime), inclusive };
  if (targetLsn !== undefined) return { kind: 'lsn', lsn: parseLsn(targetLsn), inclusive };
  if (targetXid !== undefined)
    return { kind: 'xid', transactionId: parseTransactionId(targetXid), inclusive };
  if (!inclusive) throw usage('--exclusive needs a target time, LSN or transaction', undefined);
  if (targetName !== undefined) return { kind: 'name', name: checkRestorePointName(targetName) };
  return { kind: targetImmediate === true ? 'immediate' : 'end' };
}

/** The target as the settings `recovery_target_*` have it. */
export function recoveryTargetOf(target: RestoreTarget): RecoveryTarget {
  switch (target.kind) {
    case 'end':
      return { kind: 'latest' };
    case 'immediate':
      return { kind: 'immediate' };
    case 'time':
      return { kind: 'time', value: formatMicros(target.timeMicros), inclusive: target.inclusive };
    case 'lsn':
      return { kind: 'lsn', value: formatLsn(target.lsn), inclusive: target.inclusive };
    case 'xid':
      return { kind: 'xid', value: String(target.transactionId), inclusive: target.inclusive };
    default:
      return { kind: 'name', value: target.name };
  }
}

/** The target in words for people: `time 2026-11-22 10:00:00+00`. */
export function describeTarget(target: RestoreTarget): string {
  const side = 'inclusive' in target && !target.inclusive ? ' (exclusive)' : '';
  switch (target.kind) {
    case 'end':
      return 'the end of the archive';
    case 'immediate':
      return 'the end of the backup';
    case 'time':
      return `time ${formatMicros(target.timeMicros)}${side}`;
    case 'lsn':
      return `LSN ${formatLsn(target.lsn)}${side}`;
    case 'xid':
      return `transaction ${target.transactionId}${side}`;
    default:
      return `restore point "${target.name}"`;
  }
}

/**
 * Parses a transaction id into 32 bits, because recovery compares 32 bits. pg_current_xact_id() shows 64 bits, with
 * the epoch in the upper half; PostgreSQL cuts them off in the same way (check_recovery_target_xid).
 */
function parseTransactionId(text: string): number {
  if (!/^\d{1,20}$/.test(text.trim())) throw usage(`"${text}" is not a transaction id`, undefined);
  const id = Number(BigInt.asUintN(32, BigInt(text.trim())));
  if (id < 3) throw usage(`"${text}" is not the id of an ordinary transaction`, undefined);
  return id;
}

function usage(message: string, hint: string | undefined): WalvaultError {
  return new WalvaultError('usage', message, { hint });
}
