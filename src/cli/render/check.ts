/** The results of `check`, for people and as JSON. */
import { formatCount } from '../../base/units.ts';
import type { CheckLine, CheckStatus } from '../../operations/check/checklist.ts';

const marks: Record<CheckStatus, string> = { ok: 'ok  ', warn: 'warn', fail: 'FAIL', skip: 'skip' };

/** One line, as `ok    repository main: …`, with a hint below where something must be done. */
export function renderCheckLine({ link, status, message, hint }: CheckLine): string {
  return `${marks[status]}  ${link}: ${message}\n${hint === undefined ? '' : `      HINT:  ${hint}\n`}`;
}

export function renderCheckSummary(lines: readonly CheckLine[]): string {
  const count = (status: CheckStatus) => lines.filter(line => line.status === status).length;
  return `${count('ok')} ok, ${formatCount(count('warn'), 'warning')}, ${count('fail')} failed, ${count('skip')} skipped\n`;
}

/** The published shape (docs/reference/json.md). */
export function checkJson(lines: readonly CheckLine[]): unknown {
  return {
    ok: lines.every(({ status }) => status !== 'fail'),
    lines: lines.map(({ link, status, message, hint }) => ({ link, status, message, hint: hint ?? null })),
  };
}
