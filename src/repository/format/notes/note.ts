/**
 * Later facts about things that are never rewritten (P10): pins, acknowledged gaps, removed WAL, expiring backups.
 * Each is a new signed object under `catalog/notes/<subject>/`.
 */
import { sleep } from '../../../base/time/wait.ts';
import { isStoreError } from '../../../stores/store.ts';
import {
  encodeJson,
  parseJsonObject,
  readSmallObject,
  readVerdict,
  writeSignedObject,
} from '../json-object.ts';
import { noteKey, notesPrefix, type SystemPath } from '../layout.ts';
import type { Repository } from '../../repository.ts';
import type { SignatureVerdict } from '../../../pipeline/openpgp/index.ts';
import { formatHex8 } from '../../../postgres/wal/file-name.ts';

const limitBytes = 1024 ** 2;
const namingAttempts = 5;

export type NoteKind =
  'pin' | 'unpin' | 'note' | 'gap-acknowledged' | 'wal-removed' | 'wal-lost' | 'expiring' | 'verified';

export interface Note {
  readonly subject: string;
  readonly kind: NoteKind;
  readonly time: Date;
  readonly body: Readonly<Record<string, unknown>>;
  readonly verdict: SignatureVerdict;
}

/** The subject of notes about a timeline's WAL. */
export function walSubject(timeline: number): string {
  return `wal-${formatHex8(timeline)}`;
}

export interface NewNote {
  readonly subject: string;
  readonly kind: NoteKind;
  readonly body: Readonly<Record<string, unknown>>;
}

export async function writeNote(
  repository: Repository,
  system: SystemPath,
  note: NewNote,
  signal: AbortSignal,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const time = new Date().toISOString();
    const key = noteKey(system, note.subject, time.replace(/[-:.]/g, ''), note.kind);
    const data = encodeJson({ format: 1, subject: note.subject, kind: note.kind, time, ...note.body });
    try {
      return await writeSignedObject(repository, key, data, signal);
    } catch (error) {
      // Another note of this very millisecond has the name.
      if (!isStoreError(error, 'exists') || attempt === namingAttempts) throw error;
      await sleep(2, signal);
    }
  }
}

/** Notes in the order they were written, about one subject or about all. */
export async function readNotes(
  repository: Repository,
  system: SystemPath,
  subject: string | undefined,
  signal: AbortSignal,
): Promise<Note[]> {
  return await readNotesNamed(repository, notesPrefix(system, subject), '.json', signal);
}

/** Those of one kind, about all subjects; the name of a note tells its kind, so no other is read. */
export async function readNotesOfKind(
  repository: Repository,
  system: SystemPath,
  kind: NoteKind,
  signal: AbortSignal,
): Promise<Note[]> {
  return await readNotesNamed(repository, notesPrefix(system), `-${kind}.json`, signal);
}

async function readNotesNamed(
  repository: Repository,
  prefix: string,
  ending: string,
  signal: AbortSignal,
): Promise<Note[]> {
  const notes: Note[] = [];
  for await (const entry of repository.store.list({ prefix, signal })) {
    if ('prefix' in entry || !entry.key.endsWith(ending)) continue;
    const data = await readSmallObject(repository.store, entry.key, { limitBytes, signal });
    if (data === undefined) continue;
    const body = parseJsonObject(data, `${repository.store.url}: ${entry.key}`);
    const verdict = await readVerdict(repository, entry.key, data, signal);
    notes.push({
      subject: String(body['subject']),
      kind: body['kind'] as NoteKind,
      time: new Date(String(body['time'])),
      body,
      verdict,
    });
  }
  return notes;
}
