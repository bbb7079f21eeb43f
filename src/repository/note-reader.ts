/**
 * Lists and reads the notes of one PostgreSQL system, each once.
 *
 * A note that is not believed decides nothing: it is passed over.
 */
import { WalvaultError } from '../base/errors/errors.ts';
import { mapEach } from '../base/threads/each.ts';
import {
  describeVerdict,
  isBelieved,
  needsSignature,
  type SignaturePolicy,
} from './encoding/signature-policy.ts';
import { notesPrefix, type SystemPath } from './format/layout.ts';
import { noteEntriesIn, readNote, type Note, type NoteEntry, type NoteKind } from './format/notes/note.ts';
import type { PassedOverObjects } from './passed-over.ts';
import type { Repository } from './repository.ts';

/** Anybody may have planted thousands, and each with a signature costs two requests. */
export const notesAtOnce = 16;

/** Every method throws StoreError. */
export class NoteReader {
  readonly repository: Repository;
  readonly system: SystemPath;
  readonly signal: AbortSignal;
  readonly #passedOver: PassedOverObjects;
  #listed: Promise<NoteEntry[]> | undefined;
  readonly #read = new Map<string, Promise<Note | { readonly problem: string } | undefined>>();

  /** @param passedOver gets the notes that are not believed */
  constructor(
    repository: Repository,
    system: SystemPath,
    { passedOver, signal }: { readonly passedOver: PassedOverObjects; readonly signal: AbortSignal },
  ) {
    this.repository = repository;
    this.system = system;
    this.#passedOver = passedOver;
    this.signal = signal;
  }

  get policy(): SignaturePolicy {
    return this.repository.codec.policy;
  }

  get removalPolicy(): SignaturePolicy {
    return this.repository.codec.removalPolicy;
  }

  /** By subject, then in the order in which they were written. */
  async entries(...kinds: readonly NoteKind[]): Promise<NoteEntry[]> {
    const { repository, system, signal } = this;
    this.#listed ??= noteEntriesIn(repository.store.list({ prefix: notesPrefix(system), signal }));
    return (await this.#listed).filter(({ kind }) => kinds.some(wanted => wanted === kind));
  }

  /**
   * The notes of these kinds that the policy believes, in the order of their entries. The key of a note tells its kind, so
   * notes of other kinds are not read.
   */
  async notes(kinds: readonly NoteKind[], policy = this.policy): Promise<Note[]> {
    return await this.read(await this.entries(...kinds), policy);
  }

  async read(entries: readonly NoteEntry[], policy: SignaturePolicy): Promise<Note[]> {
    const notes = await mapEach(entries, notesAtOnce, entry => this.believed(entry, policy));
    this.#passedOver.tell(this.repository);
    return notes.filter(note => note !== undefined);
  }

  /** Undefined for a note that counts for nothing. */
  async believed(entry: NoteEntry, policy: SignaturePolicy): Promise<Note | undefined> {
    const passOver = (problem: string) => {
      this.#passedOver.add('notes', entry.key, problem);
      return undefined;
    };
    if (!entry.hasSignature && needsSignature(policy))
      return passOver(describeVerdict({ status: 'unsigned' }));
    const read = await this.#readOnce(entry);
    if (read === undefined) return undefined;
    if ('problem' in read) return passOver(read.problem);
    return isBelieved(read.verdict, policy) ? read : passOver(describeVerdict(read.verdict));
  }

  /** The first of them that the policy believes; only some behind it are read. */
  async firstBelieved<T extends { readonly entry: NoteEntry }>(
    notes: readonly T[],
    policy: SignaturePolicy,
  ): Promise<T | undefined> {
    for (let from = 0; from < notes.length; from += notesAtOnce) {
      const some = notes.slice(from, from + notesAtOnce);
      const believed = await mapEach(some, notesAtOnce, ({ entry }) => this.believed(entry, policy));
      const first = believed.findIndex(note => note !== undefined);
      if (first >= 0) return some[first];
    }
    return undefined;
  }

  #readOnce(entry: NoteEntry): Promise<Note | { readonly problem: string } | undefined> {
    const known = this.#read.get(entry.key);
    if (known !== undefined) return known;
    const reading = this.#readNote(entry);
    this.#read.set(entry.key, reading);
    return reading;
  }

  async #readNote(entry: NoteEntry): Promise<Note | { readonly problem: string } | undefined> {
    try {
      return await readNote(this.repository, entry, this.signal);
    } catch (error) {
      if (!(error instanceof WalvaultError) || error.code !== 'damaged') throw error;
      return { problem: `cannot be read: ${error.message}` };
    }
  }
}
