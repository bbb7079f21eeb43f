/** The job that proves that a part of an interrupted backup is still what the server has. */
import type { ProofTask, ProvenPart } from '../../operations/backup/part/part-task.ts';
import { LocalPartWriter } from '../../operations/backup/part/write-part.ts';
import type { Job, Workshop } from '../job.ts';

/** The repositories have the host's secret, which the pages of an incremental file are compared with. */
export async function openProvePart({
  repositories,
}: Workshop): Promise<Job<ProofTask, ProvenPart | undefined>> {
  const writer = new LocalPartWriter(await repositories());
  return (task, { log, signal, onProgress }) => writer.prove(task, { log, signal, onBytes: onProgress });
}
