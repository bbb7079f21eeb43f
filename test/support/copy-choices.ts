/** The choices of a restore without any option about the copy. */
import type { RestoreOptions } from '../../src/operations/restore/options.ts';

export const plainCopy = {
  mode: 'point-in-time',
  archiveMode: 'off',
  primaryConninfo: undefined,
  keepsSubscriptions: false,
  keptSettings: [],
  copiesConfiguration: true,
} as const satisfies Partial<RestoreOptions>;
