/** The options of `list` that choose and order what is shown. */
import { WalvaultError } from '../../base/errors/errors.ts';
import type { ListedKind } from '../../operations/list/list.ts';
import type { Selection, SortKey } from '../../operations/list/selection.ts';
import { parseMoment } from './moment.ts';
import { parseSystemId } from './repository-choice.ts';

export interface SelectionOptions {
  readonly since?: string;
  readonly until?: string;
  readonly type?: 'full' | 'incremental';
  readonly pinned?: boolean;
  readonly systemId?: string;
  readonly sort?: SortKey;
  readonly reverse?: boolean;
}

/** @throws WalvaultError `usage`, also for an option that would be without effect on what is listed */
export function parseSelection(options: SelectionOptions, what: ListedKind, now: Date): Selection {
  refuseWithoutEffect(options, what);
  const moment = (text: string | undefined, day: 'begin' | 'end') =>
    text === undefined ? undefined : parseMoment(text, { now, day, duration: 'ago' });
  return {
    since: moment(options.since, 'begin'),
    until: moment(options.until, 'end'),
    type: options.type,
    isPinned: options.pinned,
    systemId: parseSystemId(options.systemId),
    sort: options.sort,
    isReversed: options.reverse,
  };
}

function refuseWithoutEffect(options: SelectionOptions, what: ListedKind): void {
  const hasBackups = what === 'all' || what === 'backups';
  const hasTimes = hasBackups || what === 'restore-points';
  const sort = options.sort;
  const isOfBackups = sort !== undefined && sort !== 'time' && sort !== 'name';
  const wrong = [
    ...(options.since !== undefined && !hasTimes ? ['--since'] : []),
    ...(options.until !== undefined && !hasTimes ? ['--until'] : []),
    ...(options.type !== undefined && !hasBackups ? ['--type'] : []),
    ...(options.pinned === true && !hasBackups ? ['--pinned'] : []),
    ...(sort !== undefined && (!hasTimes || (isOfBackups && !hasBackups)) ? [`--sort ${sort}`] : []),
    ...(options.reverse === true && !hasTimes ? ['--reverse'] : []),
  ];
  if (wrong.length > 0)
    throw new WalvaultError('usage', `list ${what}: ${wrong.join(' and ')} would be without effect`, {
      hint: 'These options choose among backups; --since, --until, --sort time, --sort name and --reverse among restore points, too.',
    });
}
