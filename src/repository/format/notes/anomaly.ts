/**
 * The note on a backup whose size, duration or compression ratio falls out of the history of its cluster. It is written at
 * the end of the backup, and only told to people: neither a signed nor an unsigned one decides anything.
 */
import { WalvaultError } from '../../../base/errors/errors.ts';
import { formatCount, formatDuration, formatSize } from '../../../base/units.ts';
import type { NewNote, Note } from './note.ts';

export const anomalyKind = 'anomaly';

/**
 * - `size`: plain bytes of all files.
 * - `duration`: milliseconds from the start to the stop of the backup.
 * - `ratio`: plain bytes for each thousand stored bytes. Encrypted pages do not compress.
 */
export const anomalyMeasures = ['size', 'duration', 'ratio'] as const;
export type AnomalyMeasure = (typeof anomalyMeasures)[number];

/** All figures are whole numbers in the unit of the measure. */
export interface Anomaly {
  readonly measure: AnomalyMeasure;
  readonly value: number;
  /** The median of the earlier backups. */
  readonly usual: number;
  /** What would not have been told. */
  readonly lowest: number;
  readonly highest: number;
  /** The number of earlier backups in the comparison. */
  readonly comparedWith: number;
}

/** As reports have it. */
export interface DescribedAnomaly extends Anomaly {
  /** In one line. */
  readonly description: string;
}

export function described(anomalies: readonly Anomaly[]): DescribedAnomaly[] {
  return anomalies.map(one => ({ ...one, description: describeAnomaly(one) }));
}

export function anomalyNote(backup: string, anomalies: readonly Anomaly[]): NewNote {
  return { subject: backup, kind: anomalyKind, body: { anomalies } };
}

/** Parses the note; none where it tells of none. */
export function parseAnomalies({ fields }: Note): Anomaly[] {
  try {
    return fields
      .items('anomalies')
      .slice(0, anomalyMeasures.length)
      .map(one => ({
        measure: one.oneOf('measure', anomalyMeasures),
        value: one.number('value'),
        usual: one.number('usual'),
        lowest: one.number('lowest'),
        highest: one.number('highest'),
        comparedWith: one.number('comparedWith'),
      }));
  } catch (error) {
    // Later versions may measure more.
    if (!(error instanceof WalvaultError) || error.code !== 'damaged') throw error;
    return [];
  }
}

/** The words after "backup …:". */
export function describeAnomaly({ measure, value, usual, comparedWith }: Anomaly): string {
  const before = `of ${formatCount(comparedWith, 'earlier backup')}`;
  const show = formats[measure];
  return `its ${nouns[measure]} is ${show(value)}, and that ${before} was ${show(usual)}`;
}

/** What may be behind it, and what to do. */
export function anomalyHint(anomalies: readonly Anomaly[]): string {
  const isPoorer = anomalies.some(({ measure, value, usual }) => measure === 'ratio' && value < usual);
  return isPoorer
    ? 'Data that no longer compresses may have been encrypted by an intruder: look at it before older backups expire. `walvault pin` keeps them.'
    : 'If the server has changed in this way, nothing is wrong: later backups are compared with this one, too.';
}

const nouns: Record<AnomalyMeasure, string> = {
  size: 'size',
  duration: 'duration',
  ratio: 'compression ratio',
};

const formats: Record<AnomalyMeasure, (value: number) => string> = {
  size: formatSize,
  duration: formatDuration,
  ratio: value => (value / 1000).toFixed(2),
};
