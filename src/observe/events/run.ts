/** Events of every verb. */

export type RunEvent = ProgressEvent;

export interface ProgressEvent {
  readonly kind: 'progress';
  readonly stage: 'backup' | 'restore' | 'reading WAL' | 'copy';
  readonly doneBytes: number;
  readonly totalBytes?: number | undefined;
  readonly doneFiles?: number | undefined;
}
