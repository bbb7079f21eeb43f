/** The finished parts of an interrupted backup, with their members in a temporary file (P9). */
import { readLines } from '../../../base/bytes/lines.ts';
import type { BackupPart } from '../../../repository/format/backup-record.ts';
import {
  decodeManifestLine,
  encodeManifestLine,
  type ManifestEntry,
} from '../../../repository/format/manifest.ts';
import type { PartIndex } from '../../../repository/format/part-index.ts';
import { Spool } from '../collect/spool.ts';

export interface EarlierPart {
  readonly part: BackupPart;
  /** The host that wrote it. */
  readonly host: string;
  readonly entryCount: number;
}

const name = 'the list of the files of an interrupted backup';

export class EarlierParts implements AsyncDisposable {
  readonly #spool: Spool;
  readonly #parts: EarlierPart[] = [];
  /** Where the entries of each part begin, and where the last ones end. */
  readonly #positions = [0];

  private constructor(spool: Spool) {
    this.#spool = spool;
  }

  /** @throws WalvaultError `local-io` */
  static async create(directory?: string): Promise<EarlierParts> {
    return new EarlierParts(await Spool.create(directory));
  }

  /** @throws WalvaultError `local-io` */
  async add({ part, host, entries }: PartIndex): Promise<void> {
    for (const entry of entries) await this.#spool.append(encodeManifestLine(entry));
    this.#parts.push({ part, host, entryCount: entries.length });
    this.#positions.push(this.#spool.sizeBytes);
  }

  get list(): readonly EarlierPart[] {
    return this.#parts;
  }

  get entryCount(): number {
    return this.#parts.reduce((sum, { entryCount }) => sum + entryCount, 0);
  }

  /** The entries of the part at `index` of the list, in the order of its members. */
  async entriesOf(index: number): Promise<ManifestEntry[]> {
    const entries: ManifestEntry[] = [];
    const range = this.#spool.read(this.#positions[index], this.#positions[index + 1]);
    for await (const line of readLines(range, name)) entries.push(decodeManifestLine(line));
    return entries;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#spool[Symbol.asyncDispose]();
  }
}
