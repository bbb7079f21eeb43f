/** The start of a restored server, made from the result of its restore. Pure. */
import type { RestoreResult } from '../options.ts';
import { describeTarget } from '../target.ts';
import type { StartRestored } from './start-restored.ts';

/** Undefined if nothing is to be started. */
export function startOf(
  { finished, start, directory, settings, plan }: RestoreResult,
  process: Pick<StartRestored, 'env' | 'log' | 'signal'>,
): StartRestored | undefined {
  if (finished === undefined || start === undefined) return undefined;
  const { mode, targetAction } = settings;
  return {
    ...process,
    pgCtl: start.pgCtl,
    dataDirectory: directory,
    serverOptions: [finished.serverOptions, ...(start.port === undefined ? [] : [`-p ${start.port}`])]
      .filter(option => option !== '')
      .join(' '),
    wanted: { mode, targetAction },
    target: describeTarget(plan.target),
    startLsn: plan.backup.startLsn,
  };
}
