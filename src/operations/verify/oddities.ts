/**
 * What listings show of a system that is out of the ordinary: objects that are no part of the format, or cannot be what
 * their names say.
 *
 * The listings are those of the survey: each entry that a reader gets is looked at on its way, so that nothing is listed for
 * this alone.
 */
import { parseWalFileName, type WalFileName } from '../../postgres/wal/file-name.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import { isBackupId } from '../../repository/format/backup-record.ts';
import { largestEncoding } from '../../repository/encoding/codec.ts';
import {
  backupsPrefix,
  commitRecordsPrefix,
  isClaimName,
  notesPrefix,
  parseNoteKey,
  parsePageDigestsName,
  parsePartIndexName,
  parseWalKey,
  systemPrefix,
  timelinesPrefix,
  walPrefix,
  type SystemPath,
} from '../../repository/format/layout.ts';
import type { Repository } from '../../repository/repository.ts';
import { withMethods } from '../../stores/methods.ts';
import { listingsBy, pagesOf } from '../../stores/pages.ts';
import type { ListEntry } from '../../stores/store.ts';
import type { FindingKind } from './finding.ts';

type OddKind = Extract<
  FindingKind,
  | 'wal-empty' | 'wal-impossible-size' | 'wal-impossible-name' | 'wal-misplaced' | 'wal-conflict'
  | 'wal-duplicate-partials' | 'foreign-object'
>; // prettier-ignore

export interface Oddity {
  readonly kind: OddKind;
  readonly key: string;
  /** In `wal/`. */
  readonly file?: WalFileName | undefined;
  readonly sizeBytes: number;
}

/** Anybody may have put any number of them there. */
const mostKept = 1000;

/** Collects them from the listings of one system. */
export class Oddities {
  readonly #system: SystemPath;
  readonly #kept = new Map<string, Oddity>();
  /** `.partial`, `.backup` and kept conflicts, which no recovery asks for by itself. */
  readonly #extras = new Map<string, WalFileName>();
  readonly #partials = new Map<string, Set<string>>();
  /** Known once the survey has read it; the listing of WAL comes later. */
  geometry: WalGeometry | undefined;

  constructor(system: SystemPath) {
    this.#system = system;
  }

  /** The repository, whose listings are looked at. */
  watch(repository: Repository): Repository {
    const { store } = repository;
    const see = (entry: ListEntry) => this.see(entry);
    return {
      ...repository,
      store: withMethods(store, {
        ...listingsBy(async function* (options) {
          for await (const page of pagesOf(store, options)) {
            page.forEach(see);
            yield page;
          }
        }),
      }),
    };
  }

  see(entry: ListEntry): void {
    if ('prefix' in entry) return;
    const { key, sizeBytes } = entry;
    const kind = this.#judge(key, sizeBytes);
    if (kind === undefined || this.#kept.size >= mostKept) return;
    this.#kept.set(key, { kind, key, sizeBytes, file: parseWalKey(key)?.file });
  }

  get found(): Oddity[] {
    return [...this.#kept.values()];
  }

  get extras(): { readonly key: string; readonly file: WalFileName }[] {
    return [...this.#extras].map(([key, file]) => ({ key, file }));
  }

  #judge(key: string, sizeBytes: number): OddKind | undefined {
    const system = this.#system;
    if (!key.startsWith(systemPrefix(system))) return undefined;
    if (key.startsWith(walPrefix(system))) return this.#judgeWal(key, sizeBytes);
    if (key.startsWith(timelinesPrefix(system)))
      return parseWalKey(key)?.file.kind === 'history' ? undefined : 'foreign-object';
    const isKnown =
      isBackupObject(key, system) || isCatalogObject(key, system) || isSystemObject(key, system);
    return isKnown ? undefined : 'foreign-object';
  }

  #judgeWal(key: string, sizeBytes: number): OddKind | undefined {
    const entry = parseWalKey(key);
    if (entry === undefined) return isWalName(key) ? 'wal-misplaced' : 'foreign-object';
    const { file } = entry;
    if (file.kind !== 'history' && this.geometry?.isPossible(file) === false) return 'wal-impossible-name';
    if (sizeBytes === 0) return 'wal-empty';
    if (this.geometry !== undefined && sizeBytes > largestEncoding(this.geometry.segmentSizeBytes))
      return 'wal-impossible-size';
    if (entry.kind === 'file' && file.kind === 'segment') return undefined;
    if (this.#extras.size < mostKept) this.#extras.set(key, file);
    if (entry.kind === 'conflict') return 'wal-conflict';
    return entry.kind === 'partial' && this.#isSecondPartial(key, file.name)
      ? 'wal-duplicate-partials'
      : undefined;
  }

  #isSecondPartial(key: string, name: string): boolean {
    const known = this.#partials.get(name) ?? new Set<string>();
    if (this.#partials.size < mostKept) this.#partials.set(name, known.add(key));
    // What is listed twice is the same first one.
    const [first] = known;
    return first !== undefined && first !== key;
  }
}

/**
 * The objects directly under the system and its catalogue that no reader lists.
 * @throws StoreError
 */
export async function seeTopLevel(
  { store }: Repository,
  system: SystemPath,
  oddities: Oddities,
  signal: AbortSignal,
): Promise<void> {
  const known = new Set(
    ['wal', 'timelines', 'backups', 'catalog', 'catalog/backups', 'catalog/notes'].map(
      name => `${systemPrefix(system)}${name}/`,
    ),
  );
  for (const prefix of [systemPrefix(system), `${systemPrefix(system)}catalog/`])
    for await (const entry of store.list({ prefix, delimiter: '/', signal })) {
      if (!('prefix' in entry)) oddities.see(entry);
      else if (!known.has(entry.prefix)) await seeFirstOf(store, entry.prefix, oddities, signal);
    }
}

/** One object names a directory that nobody of ours made. */
async function seeFirstOf(
  store: Repository['store'],
  prefix: string,
  oddities: Oddities,
  signal: AbortSignal,
): Promise<void> {
  for await (const entry of store.list({ prefix, signal })) {
    oddities.see(entry);
    return;
  }
}

function isSystemObject(key: string, system: SystemPath): boolean {
  return /^cluster\.json(\.sig)?$/.test(key.slice(systemPrefix(system).length));
}

function isCatalogObject(key: string, system: SystemPath): boolean {
  const plain = key.replace(/\.sig$/, '');
  if (key.startsWith(notesPrefix(system))) return parseNoteKey(plain) !== undefined;
  const records = commitRecordsPrefix(system);
  return key.startsWith(records) && isBackupId(plain.slice(records.length).replace(/\.json$/, ''));
}

function isBackupObject(key: string, system: SystemPath): boolean {
  const prefix = backupsPrefix(system);
  if (!key.startsWith(prefix)) return false;
  const [, id = '', name = ''] = /^([^/]+)\/(.+)$/.exec(key.slice(prefix.length)) ?? [];
  return (
    isBackupId(id) &&
    (isClaimName(name) ||
      parsePartIndexName(name) !== undefined ||
      parsePageDigestsName(name) !== undefined ||
      /^parts\/\d{6,7}\.tar(\.zst)?(\.pgp)?$/.test(name) ||
      /^(manifest|names)\d?\.ndjson(\.zst)?(\.pgp)?$/.test(name))
  );
}

/** True for the name of a WAL file, wherever it lies. */
function isWalName(key: string): boolean {
  return parseWalFileName(key.slice(key.lastIndexOf('/') + 1)) !== undefined;
}
