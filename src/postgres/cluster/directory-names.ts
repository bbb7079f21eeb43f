/**
 * The names in one directory, in the order of their bytes and in little memory: the directory of a database may have a
 * million, which would take ten times as much as strings in arrays.
 */
import { opendir } from 'node:fs/promises';

/** Names that the file system is asked for at once. */
const namesAtOnce = 1024;
const firstBytes = 4096;
const firstCount = 256;

export class DirectoryNames implements Iterable<string> {
  /** One after the other, in UTF-8. */
  #bytes = Buffer.allocUnsafeSlow(firstBytes);
  /** Where each name begins, and at last where the next one would. */
  #starts = new Uint32Array(firstCount);
  #count = 0;
  /** The names' numbers in the order of their bytes. */
  #order = new Uint32Array(0);

  private constructor() {}

  /** Names that are not UTF-8 have U+FFFD, as everywhere in Node. @throws system errors */
  static async in(absolutePath: string): Promise<DirectoryNames> {
    const names = new DirectoryNames();
    for await (const { name } of await opendir(absolutePath, { bufferSize: namesAtOnce })) names.#add(name);
    names.#sort();
    return names;
  }

  *[Symbol.iterator](): Generator<string> {
    for (const number of this.#order) yield this.#bytes.toString('utf8', ...this.#rangeOf(number));
  }

  #add(name: string): void {
    const end = this.#starts[this.#count] ?? 0;
    const mostBytes = 3 * name.length;
    if (end + mostBytes > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(2 * (end + mostBytes));
      this.#bytes.copy(larger, 0, 0, end);
      this.#bytes = larger;
    }
    this.#count++;
    if (this.#count === this.#starts.length) {
      const larger = new Uint32Array(2 * this.#count);
      larger.set(this.#starts);
      this.#starts = larger;
    }
    this.#starts[this.#count] = end + this.#bytes.write(name, end);
  }

  #sort(): void {
    const bytes = this.#bytes;
    const starts = this.#starts;
    this.#order = new Uint32Array(this.#count).map((_, number) => number);
    this.#order.sort((a, b) => {
      const [startA, endA, startB, endB] = [
        starts[a] ?? 0,
        starts[a + 1] ?? 0,
        starts[b] ?? 0,
        starts[b + 1] ?? 0,
      ];
      return bytes.compare(bytes, startB, endB, startA, endA);
    });
  }

  #rangeOf(number: number): [number, number] {
    return [this.#starts[number] ?? 0, this.#starts[number + 1] ?? 0];
  }
}
