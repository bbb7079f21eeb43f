/** The job that proves that a part of an interrupted backup is still what the server has. */
import type { ProofTask, ProvenPart } from '../../operations/backup/part/part-task.ts';
import { LocalPartWriter } from '../../operations/backup/part/write-part.ts';
import type { Job } from '../job.ts';

export async function openProvePart(): Promise<Job<ProofTask, ProvenPart | undefined>> {
  const writer = new LocalPartWriter([]);
  return (task, { log, signal, onProgress }) => writer.prove(task, { log, signal, onBytes: onProgress });
}
