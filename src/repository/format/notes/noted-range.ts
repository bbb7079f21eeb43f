/** The range of segments that a note about WAL names. */
import { WalvaultError } from '../../../base/errors/errors.ts';
import { parseWalFileName, segmentName, segmentNumber } from '../../../postgres/wal/file-name.ts';
import type { Fields } from '../fields.ts';
import type { Note } from './note.ts';

/** Both ends included. */
export interface NotedRange {
  readonly timeline: number;
  readonly first: bigint;
  readonly last: bigint;
}

export function encodeRange({ timeline, first, last }: NotedRange, segmentSizeBytes: number) {
  return {
    timeline,
    first: segmentName(timeline, first, segmentSizeBytes),
    last: segmentName(timeline, last, segmentSizeBytes),
  };
}

/** Undefined where the note names no range of one timeline. */
export function rangeOf({ fields }: Note, segmentSizeBytes: number): NotedRange | undefined {
  try {
    const [first, last] = [segmentOf(fields, 'first'), segmentOf(fields, 'last')];
    if (first.timeline !== last.timeline) return undefined;
    return {
      timeline: first.timeline,
      first: segmentNumber(first, segmentSizeBytes),
      last: segmentNumber(last, segmentSizeBytes),
    };
  } catch (error) {
    if (error instanceof WalvaultError && error.code === 'damaged') return undefined;
    throw error;
  }
}

function segmentOf(fields: Fields, name: string) {
  return fields.parsed(name, text => {
    const file = parseWalFileName(text);
    return file?.kind === 'segment' ? file : undefined;
  });
}
