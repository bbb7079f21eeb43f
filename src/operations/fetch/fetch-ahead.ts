/** Fetches a segment before PostgreSQL asks for it. */
import { startDeadline } from '../../base/time/deadline.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import type { FileIdentity } from '../../base/files/identity.ts';
import { parseWalFileName } from '../../postgres/wal/file-name.ts';
import { WalGeometry } from '../../postgres/wal/geometry.ts';
import { deliverFromFirst, type DeliveryOptions } from './delivery.ts';

export interface FetchAheadOptions extends Omit<DeliveryOptions, 'deadline' | 'geometry'> {
  readonly name: string;
  readonly segmentSizeBytes: number;
  readonly signal: AbortSignal;
  /** The attempt fails when no byte arrives for this long. */
  readonly silenceMs: number;
}

/**
 * Makes one attempt. Undefined: no repository has the segment and none failed, which proves nothing about the archive;
 * only `fetch` proves that a segment is absent. @throws WalvaultError
 */
export async function fetchAhead(options: FetchAheadOptions): Promise<FileIdentity | undefined> {
  const file = parseWalFileName(options.name);
  if (file === undefined)
    throw new WalvaultError('invalid-file', `${options.name}: not the name of a WAL file`);
  const geometry = new WalGeometry(options.segmentSizeBytes);
  const deadline = startDeadline(options.silenceMs, `prefetch ${options.name}`, options.signal);
  try {
    const tried = await deliverFromFirst({ ...options, geometry, deadline }, file);
    if ('identity' in tried) return tried.identity;
    const [failure] = tried.failures;
    if (failure !== undefined) throw failure;
    return undefined;
  } finally {
    deadline.clear();
  }
}
