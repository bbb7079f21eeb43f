/**
 * The proof that an earlier part still is what the server has: each member is read as for a new part, pages are checked,
 * and its digest is compared.
 *
 * Nothing less would do. The earlier bytes were read after the start of another backup, and replay repairs what changed
 * only since the start of this one. Bytes that are read now, and are the same, are as good as a copy made now. So it is with an
 * incremental file: it is made again, against the parent as it is chosen now, and must be the same.
 */
import { emptyContent } from './part-options.ts';
import type { ProofTask, ProvenPart } from './part-task.ts';
import { streamTask, type BufferedRun } from './stream-task.ts';

/** Undefined as soon as a member differs, or has vanished. */
export async function provePart(task: ProofTask, run: BufferedRun): Promise<ProvenPart | undefined> {
  const content = emptyContent();
  let judgedCount = 0;
  const isSameSoFar = () => {
    for (; judgedCount < content.copied.length; judgedCount++) {
      const copied = content.copied[judgedCount];
      if (copied?.member !== judgedCount || copied.sha256 !== task.sha256[judgedCount]) return false;
    }
    return true;
  };
  for await (const _piece of streamTask(task, run, content)) if (!isSameSoFar()) return undefined;
  return isSameSoFar() && judgedCount === task.members.length ? content : undefined;
}
