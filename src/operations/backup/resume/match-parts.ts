/** Finds the files of the parts of an interrupted backup among those that the server has now. */
import { hostname } from 'node:os';
import { wholePath } from '../../../postgres/cluster/incremental/file-name.ts';
import type { BackupPart } from '../../../repository/format/backup-record.ts';
import type { ManifestEntry } from '../../../repository/format/manifest.ts';
import type { Inventory } from '../collect/inventory.ts';
import type { PlannedPart } from '../plan.ts';
import type { EarlierParts } from './earlier-parts.ts';
import { PathTable } from './path-table.ts';
import { mayBeUnchanged } from './plan.ts';

export interface MatchedParts {
  /** Each is to be proven, and written again if it has changed. */
  readonly parts: readonly PlannedPart[];
  /** The parts that have surely changed. */
  readonly changed: readonly BackupPart[];
  /** True for the number of an entry that is in one of them. */
  has(number: number): boolean;
}

/** Takes the entries in the order of the inventory. */
export class PartMatcher {
  readonly #earlier: EarlierParts;
  readonly #table: PathTable;
  /** For each earlier part: the numbers of its members. */
  readonly #found: number[][];
  #count = 0;

  private constructor(earlier: EarlierParts, table: PathTable) {
    this.#earlier = earlier;
    this.#table = table;
    this.#found = earlier.list.map(() => []);
  }

  static async create(earlier: EarlierParts): Promise<PartMatcher> {
    const table = new PathTable(earlier.entryCount);
    // A path that was copied twice belongs to the newer of its parts, which stands first.
    for (const index of earlier.list.keys())
      for (const { path } of await earlier.entriesOf(index)) table.add(wholePath(path) ?? path, index);
    return new PartMatcher(earlier, table);
  }

  add({ path }: Pick<ManifestEntry, 'path'>): void {
    const number = this.#count++;
    const index = this.#table.get(path);
    if (index !== undefined) this.#found[index]?.push(number);
  }

  async finish(inventory: Inventory): Promise<MatchedParts> {
    const parts: PlannedPart[] = [];
    const changed: BackupPart[] = [];
    const taken = new Uint8Array(this.#count);
    for (const [index, { part }] of this.#earlier.list.entries()) {
      const entries = Uint32Array.from(this.#found[index] ?? []);
      if (!(await this.#mayBeUnchanged(index, entries, inventory))) {
        changed.push(part);
        continue;
      }
      for (const number of entries) taken[number] = 1;
      parts.push({ entries, sizeBytes: part.plainSizeBytes ?? 0, earlier: index });
    }
    return { parts, changed, has: number => taken[number] === 1 };
  }

  async #mayBeUnchanged(index: number, numbers: Uint32Array, inventory: Inventory): Promise<boolean> {
    const { host, entryCount } = this.#earlier.list[index] ?? {};
    if (numbers.length !== entryCount) return false;
    const isSameHost = host === hostname();
    return mayBeUnchanged(await inventory.members(numbers), await this.#earlier.entriesOf(index), {
      isSameHost,
    });
  }
}
