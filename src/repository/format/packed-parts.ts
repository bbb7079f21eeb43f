/**
 * The parts of a backup in little memory: a catalogue names those of all backups, some thousands for each terabyte, and as
 * objects they would take five times as much.
 */
import type { BackupPart, BackupParts } from './backup-record.ts';

/** Number, stored size and plain size as doubles, then the digest. */
const entryBytes = 3 * 8 + 32;
const digestOffset = 3 * 8;

export class PackedParts implements BackupParts {
  readonly length: number;
  readonly #entries: Buffer;
  /** The names, unless they follow from the number and the first name's ending, as all that walvault writes do. */
  readonly #names = new Map<number, string>();
  #ending = '';

  /** Takes the parts one by one, so that they need not all be objects at the same time. */
  constructor(parts: Iterable<BackupPart>, count: number) {
    this.length = count;
    this.#entries = Buffer.allocUnsafeSlow(count * entryBytes);
    let index = 0;
    for (const part of parts) this.#set(index++, part);
  }

  *[Symbol.iterator](): Generator<BackupPart> {
    for (let index = 0; index < this.length; index++) yield this.#get(index);
  }

  toJSON(): BackupPart[] {
    return [...this];
  }

  #set(index: number, { number, name, storedSizeBytes, storedSha256, plainSizeBytes }: BackupPart): void {
    const at = index * entryBytes;
    const begin = beginningOf(number);
    if (index === 0 && name.startsWith(begin)) this.#ending = name.slice(begin.length);
    if (name !== begin + this.#ending) this.#names.set(index, name);
    this.#entries.writeDoubleLE(number, at);
    this.#entries.writeDoubleLE(storedSizeBytes, at + 8);
    this.#entries.writeDoubleLE(plainSizeBytes ?? NaN, at + 16);
    this.#entries.write(storedSha256, at + digestOffset, 'hex');
  }

  #get(index: number): BackupPart {
    const at = index * entryBytes;
    const number = this.#entries.readDoubleLE(at);
    const plainSizeBytes = this.#entries.readDoubleLE(at + 16);
    return {
      number,
      name: this.#names.get(index) ?? beginningOf(number) + this.#ending,
      storedSizeBytes: this.#entries.readDoubleLE(at + 8),
      storedSha256: this.#entries.toString('hex', at + digestOffset, at + entryBytes),
      ...(!Number.isNaN(plainSizeBytes) && { plainSizeBytes }),
    };
  }
}

function beginningOf(number: number): string {
  return `parts/${String(number).padStart(6, '0')}.tar`;
}
