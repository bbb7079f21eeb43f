/** Takes over a part of an interrupted backup whose files are still what they were. */
import { wholePath } from '../../../postgres/cluster/incremental/file-name.ts';
import type { BackupPart } from '../../../repository/format/backup-record.ts';
import { withParentPages, type CopiedPart, type CopyRun } from '../collect/copy-part.ts';
import { judgeSuspects } from '../collect/judge-suspects.ts';
import type { PartRules, ProvenPart } from '../part/part-task.ts';
import type { ManifestEntry } from '../../../repository/format/manifest.ts';
import type { PlannedPart } from '../plan.ts';

export interface TakenPart extends CopiedPart {
  readonly part: BackupPart;
}

/** Undefined if the part has changed, or is none of an interrupted backup: then it is to be written. */
export async function takeOverPart(
  { entries: numbers, earlier: index }: PlannedPart,
  rules: PartRules,
  run: CopyRun,
): Promise<TakenPart | undefined> {
  const { set, writer, inventory, earlier, indexer, connection, started, progress, log, signal } = run;
  const part = index === undefined ? undefined : earlier?.list[index]?.part;
  if (part === undefined || index === undefined || earlier === undefined) return undefined;
  const members = await withParentPages(await inventory.members(numbers), run);
  const entries = await earlier.entriesOf(index);
  const shown = progress.begin();
  const sha256 = entries.map(entry => entry.sha256);
  const proven = await writer.prove({ ...rules, members, sha256 }, { log, signal, onBytes: shown.onBytes });
  if (proven === undefined || !hasSameKinds(proven, entries)) {
    shown.cancel();
    indexer?.forget(part);
    return undefined;
  }
  // Times and permissions are told as the part has them, so that whoever unpacks it by hand gets the same.
  const copied = proven.copied.map(one => {
    const { mode, mtimeMs } = entries[one.member] ?? one;
    return { ...one, mode, mtimeMs };
  });
  await inventory.note({ numbers, part: part.number, copied });
  set.adopt(part);
  shown.end(part.plainSizeBytes ?? 0, copied.length);
  await connection.query('select 1');
  const damaged = await judgeSuspects(proven.suspects, connection, started);
  return { part, content: { ...proven, copied }, damaged, missed: proven.missed };
}

/** Whether each file is whole, or incremental, as it was. */
function hasSameKinds({ copied }: ProvenPart, entries: readonly ManifestEntry[]): boolean {
  return copied.every(({ member, relationBytes }) => {
    const isIncremental = wholePath(entries[member]?.path ?? '') !== undefined;
    return isIncremental === (relationBytes !== undefined);
  });
}
