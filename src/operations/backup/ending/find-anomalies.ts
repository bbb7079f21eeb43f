/**
 * What of a backup falls out of the history of its cluster: its size, its duration, its compression ratio. Pure.
 *
 * Each figure is compared with the median of earlier backups, in logarithms, so that half and twice are as far away. The
 * median and the median deviation from it do not follow a single odd backup. A history that varies widely allows more.
 */
import { storedBytesOf, type BackupRecord } from '../../../repository/format/backup-record.ts';
import {
  anomalyMeasures,
  type Anomaly,
  type AnomalyMeasure,
} from '../../../repository/format/notes/anomaly.ts';

/** Fewer backups are no history. */
export const shortestHistory = 5;
/** Older ones say little about what is usual now. */
export const longestHistory = 12;

/** A factor up to this is never told: databases grow, and hosts have other work. */
const toleratedFactors: Record<AnomalyMeasure, number> = { size: 1.5, duration: 3, ratio: 1.25 };

/** Shorter differences than this are the moods of a host. */
const toleratedMs = 60_000;

/** Turns the median deviation of a normal distribution into its standard deviation. */
const deviationScale = 1.4826;
const tolerated = 5;

/** Finds what is out of the ordinary. `earlier` may hold any backups, in any order; too few of them show nothing. */
export function findAnomalies(record: BackupRecord, earlier: readonly BackupRecord[]): Anomaly[] {
  // What changes between two backups varies as the work of people does.
  if (record.type === 'incremental') return [];
  const history = earlier
    .filter(
      ({ id, type, systemId }) => id !== record.id && type === record.type && systemId === record.systemId,
    )
    .toSorted((a, b) => b.startTime.getTime() - a.startTime.getTime())
    .slice(0, longestHistory);
  return anomalyMeasures.flatMap(measure => {
    const value = measures[measure](record);
    const values = history.flatMap(one => measures[measure](one) ?? []);
    return value === undefined || values.length < shortestHistory ? [] : compare({ measure, value, values });
  });
}

/** Undefined where the figure says nothing about the server. */
const measures: Record<AnomalyMeasure, (record: BackupRecord) => number | undefined> = {
  size: ({ sizeBytes }) => positive(sizeBytes),
  // An interrupted backup that went on took less than a whole one.
  duration: ({ startTime, stopTime, resumed }) =>
    resumed === undefined ? positive(stopTime.getTime() - startTime.getTime()) : undefined,
  ratio: record => positive(Math.round((record.sizeBytes / storedBytesOf(record)) * 1000)),
};

function positive(value: number): number | undefined {
  return Number.isSafeInteger(value) && value > 0 ? value : undefined;
}

function compare({
  measure,
  value,
  values,
}: {
  readonly measure: AnomalyMeasure;
  readonly value: number;
  readonly values: readonly number[];
}): Anomaly[] {
  const logarithms = values.map(Math.log);
  const middle = median(logarithms);
  const deviation = deviationScale * median(logarithms.map(one => Math.abs(one - middle)));
  const reach = Math.max(Math.log(toleratedFactors[measure]), tolerated * deviation);
  const usual = Math.round(Math.exp(middle));
  if (Math.abs(Math.log(value) - middle) <= reach) return [];
  if (measure === 'duration' && Math.abs(value - usual) <= toleratedMs) return [];
  const lowest = Math.round(Math.exp(middle - reach));
  const highest = Math.round(Math.exp(middle + reach));
  return [{ measure, value, usual, lowest, highest, comparedWith: values.length }];
}

function median(values: readonly number[]): number {
  const ordered = values.toSorted((a, b) => a - b);
  const half = ordered.length >> 1;
  const upper = ordered[half] ?? 0;
  return ordered.length % 2 === 1 ? upper : ((ordered[half - 1] ?? upper) + upper) / 2;
}
