/** Timeline histories, from a store and from `pg_wal`. */
import { writeFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readLocalHistories } from '../../../../../src/postgres/cluster/local-histories.ts';
import {
  isHistoryPlaceholder,
  historyPlaceholder,
} from '../../../../../src/postgres/cluster/history-placeholder.ts';
import {
  parseTimelineHistory,
  switchpointOf,
  timelineOfLsn,
} from '../../../../../src/postgres/wal/timeline-history.ts';
import { branchInText } from '../../../../../src/repository/wal/timelines.ts';
import { vectorsOf } from '../../../vectors/vector.ts';
import { goldenObjects } from '../golden.ts';
import type { FuzzTarget } from '../target.ts';

export const history: FuzzTarget = {
  name: 'history',
  reads: 'a timeline history',
  parsers: [
    'postgres/wal/timeline-history.ts#parseTimelineHistory',
    'postgres/cluster/local-histories.ts#readLocalHistories',
    'postgres/cluster/local-histories.ts#readLocalHistory',
    'postgres/cluster/history-placeholder.ts#isHistoryPlaceholder',
    'postgres/wal/lsn.ts#parseLsn',
  ],
  open: () =>
    Promise.resolve({
      form: 'text',
      corpus: [
        ...vectorsOf('history').map(({ body }) => body),
        ...goldenObjects(/\.history$/),
        Buffer.from(historyPlaceholder),
        Buffer.from(
          '1\t0/3000158\tno recovery target specified\n\n2\t0/5000000\tbefore 2026-11-30 00:00:00+00\n',
        ),
      ],
      parse(input, { random, directory }) {
        const timeline = random.pick([1, 2, 3, 0xffff_ffff]);
        const path = join(directory, '00000003.history');
        writeFileSync(path, input);
        try {
          readLocalHistories(directory);
        } finally {
          rmSync(path);
        }
        const text = input.toString('utf8');
        isHistoryPlaceholder(text);
        branchInText(timeline, text, 'a history');
        const entries = parseTimelineHistory(timeline, text, 'a history');
        if (timelineOfLsn(entries, timeline, 0xffff_ffff_ffff_ffffn) !== timeline)
          throw new Error('an ancestor without end');
        switchpointOf(entries, 1);
      },
    }),
};
