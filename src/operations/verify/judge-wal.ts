/** The judgement on archived WAL as listings show it: gaps, and objects that cannot be what their names say. Pure. */
import { describe } from '../../postgres/wal/segment-range.ts';
import { noLoss, type Finding, type Remedy, type Severity } from './finding.ts';
import type { ArchiveState } from './gather.ts';
import { lossOfSegments, type LossContext } from './loss.ts';
import type { Oddity } from './oddities.ts';

export function judgeWal(state: ArchiveState, context: LossContext): Finding[] {
  return [...gapFindings(state, context), ...oddFindings(state, context), ...unbelieved(state)];
}

function gapFindings({ gaps, geometry }: ArchiveState, context: LossContext): Finding[] {
  if (geometry === undefined) return [];
  return gaps.map(({ timeline, first, last, shownBy }) => {
    const range = { timeline, first, last };
    const loss = lossOfSegments(range, context, geometry);
    const isOpen = loss.windows.some(({ toLsn }) => toLsn === undefined);
    return {
      kind: 'wal-gap',
      severity: 'damaged',
      subject: describe(range, geometry),
      problem: `is missing: ${shownBy}`,
      loss,
      // Behind a later backup recovery is possible again.
      remedies: ['copy', 'push-missing', ...(isOpen ? (['new-backup'] as const) : []), 'acknowledge'],
      repairable: { kind: 'segments', range },
    };
  });
}

interface OddWords {
  readonly severity: Severity;
  readonly problem: string;
  readonly remedies: readonly Remedy[];
}

const oddWords: Record<Exclude<Oddity['kind'], 'foreign-object'>, OddWords> = {
  'wal-empty': { severity: 'damaged', problem: 'is empty', remedies: ['copy', 'remove-and-push'] },
  'wal-impossible-size': {
    severity: 'damaged',
    problem: 'is larger than any encoding of a segment',
    remedies: ['copy', 'remove-and-push'],
  },
  'wal-impossible-name': {
    severity: 'warning',
    problem: 'has a name that no file has at this segment size',
    remedies: ['remove'],
  },
  'wal-misplaced': {
    severity: 'warning',
    problem: 'lies in a directory where nobody looks for it',
    remedies: ['remove'],
  },
  'wal-conflict': {
    severity: 'warning',
    problem: 'is a second content of an archived file, which `conflict keep` has kept',
    remedies: ['remove'],
  },
  'wal-duplicate-partials': {
    severity: 'warning',
    problem: 'is a second partial of one segment: two servers have ended it differently',
    remedies: ['remove'],
  },
};

function oddFindings({ oddities, geometry }: ArchiveState, context: LossContext): Finding[] {
  return oddities.flatMap(({ kind, key, file }): Finding[] => {
    if (kind === 'foreign-object') return [];
    const { severity, problem, remedies } = oddWords[kind];
    const isSegment = severity === 'damaged' && file?.kind === 'segment' && geometry !== undefined;
    if (!isSegment) return [{ kind, severity: 'warning', subject: key, problem, loss: noLoss, remedies }];
    const { timeline, segment } = geometry.positionOf(file);
    const loss = lossOfSegments({ timeline, first: segment, last: segment }, context, geometry);
    const repairable = {
      kind: 'object',
      key,
      objectClass: 'wal',
      digest: undefined,
      state: 'changed',
    } as const;
    return [{ kind, severity, subject: key, problem, loss, remedies, repairable }];
  });
}

function unbelieved({ passedOver }: ArchiveState): Finding[] {
  return passedOver.segments.map(({ key, problem }) => ({
    kind: 'wal-not-believed',
    severity: 'warning',
    subject: key,
    problem: `${problem}: it counts as if it were not there`,
    loss: noLoss,
    remedies: ['trust-signer'],
  }));
}
