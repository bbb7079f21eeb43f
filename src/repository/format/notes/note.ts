/**
 * Notes: later facts about objects that are never rewritten (P10), such as pins, lost WAL, removed WAL and expiring
 * backups.
 *
 * Each note is a new signed object under `catalog/notes/<subject>/`. The file beside this one that is named after the
 * kind makes and reads it.
 */
import { objectBounds } from '../../../base/bounds.ts';
import { sleep } from '../../../base/time/wait.ts';
import { isStoreError, type ListEntry } from '../../../stores/store.ts';
import { formatHex8 } from '../../../postgres/wal/file-name.ts';
import type { SignatureVerdict } from '../../../pipeline/openpgp/index.ts';
import type { Repository } from '../../repository.ts';
import { parseFields, type Fields } from '../fields.ts';
import { encodeJson, readSmallObject, readVerdict, writeSignedObject } from '../json-object.ts';
import { noteKey, parseNoteKey, signatureKey, type NoteName, type SystemPath } from '../layout.ts';

const { limitBytes } = objectBounds.note;
const namingAttempts = 10;

export type NoteKind =
  | 'pin' | 'unpin' | 'note' | 'gap-acknowledged' | 'wal-removed' | 'wal-lost' | 'high-water' | 'expiring'
  | 'verified' | 'restore-point' | 'anomaly' | 'restored'; // prettier-ignore

/** The subject of notes about a timeline's WAL. */
export function walSubject(timeline: number): string {
  return `wal-${formatHex8(timeline)}`;
}

export interface NewNote {
  readonly subject: string;
  readonly kind: NoteKind;
  readonly body: Readonly<Record<string, unknown>>;
  /** Takes the place of the time in the key: of such a note there is only one, and its key tells what it says. */
  readonly name?: string;
}

/** Writes a note. On return it is durable, and signed if the host has a signing key. @throws StoreError */
export async function writeNote(
  repository: Repository,
  system: SystemPath,
  note: NewNote,
  signal: AbortSignal,
): Promise<void> {
  // Every note of such a name says the same, so what nobody trusted has signed there makes room for one that counts.
  const isOwnKey = note.name !== undefined;
  for (let attempt = 1; ; attempt++) {
    const time = new Date().toISOString();
    const key = noteKey(system, note.subject, note.name ?? noteTimeName(new Date(time)), note.kind);
    const data = encodeJson({ format: 1, subject: note.subject, kind: note.kind, time, ...note.body });
    try {
      return await writeSignedObject(repository, key, data, { isOwnKey, signal });
    } catch (error) {
      if (isStoreError(error, 'exists') && note.name !== undefined) return;
      // Another note of the same millisecond has the name.
      if (!isStoreError(error, 'exists') || attempt === namingAttempts) throw error;
      await sleep(2, signal);
    }
  }
}

/** The time in the key of a note; such texts are in the order of their times. */
export function noteTimeName(time: Date): string {
  return time.toISOString().replace(/[-:.]/g, '');
}

/** An existing note, by its key alone. */
export interface NoteEntry extends NoteName {
  readonly key: string;
  readonly modified: Date;
  /** True if an object with the name of its signature exists. */
  readonly hasSignature: boolean;
}

/** The notes in a listing. Memory holds the names of all of them. */
export async function noteEntriesIn(listing: AsyncIterable<ListEntry>): Promise<NoteEntry[]> {
  return noteEntriesOf(await Array.fromAsync(listing));
}

/** The notes among the entries of a listing. */
export function noteEntriesOf(entries: Iterable<ListEntry>): NoteEntry[] {
  const notes: Omit<NoteEntry, 'hasSignature'>[] = [];
  const signatures = new Set<string>();
  for (const entry of entries) {
    if ('prefix' in entry) continue;
    const { key, modified } = entry;
    const name = parseNoteKey(key);
    if (name !== undefined) notes.push({ ...name, key, modified });
    else signatures.add(key);
  }
  return notes.map(note => ({ ...note, hasSignature: signatures.has(signatureKey(note.key)) }));
}

export interface Note extends NoteName {
  readonly time: Date;
  /** When it reached the store, by the store's clock. */
  readonly modified: Date;
  readonly fields: Fields;
  readonly verdict: SignatureVerdict;
}

/**
 * Reads a note; undefined when it no longer exists, or has another subject or kind than its key.
 * @throws WalvaultError `damaged` if it is not a JSON object
 */
export async function readNote(
  repository: Repository,
  { key, subject, name, kind, modified }: NoteEntry,
  signal: AbortSignal,
): Promise<Note | undefined> {
  const data = await readSmallObject(repository.store, key, { limitBytes, signal });
  if (data === undefined) return undefined;
  const fields = parseFields(data, `${repository.store.url}: ${key}`);
  if (!fields.is('subject', subject) || !fields.is('kind', kind)) return undefined;
  const verdict = await readVerdict(repository, key, data, signal);
  return { subject, name, kind, time: fields.time('time', modified), modified, fields, verdict };
}
