/** "Create only if absent", decided by the service. */
import type { PutOptions } from '../store.ts';
import { s3Code } from './s3-error.ts';

export interface S3PutSettings {
  readonly conditionalCreate: 'atomic' | 'none';
  readonly partSizeBytes: number;
}

export function ifNoneMatch(options: PutOptions & S3PutSettings): { IfNoneMatch?: '*' } {
  return options.ifAbsent && options.conditionalCreate === 'atomic' ? { IfNoneMatch: '*' } : {};
}

/** 409: another writer of the same key was at work at this very moment, and nothing is decided yet. */
export function isCreationConflict(error: unknown): boolean {
  const code = s3Code(error);
  return code === 'ConditionalRequestConflict' || code === 'OperationAborted';
}
