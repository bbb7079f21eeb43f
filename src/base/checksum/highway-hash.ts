/**
 * HighwayHash-64, a keyed hash: without the key nobody finds two texts with one hash (J. Alakuijala, B. Cox, J. Wassenberg,
 * "Fast keyed hash/pseudo-random function using SIMD multiply and permute", 2017). This is the form in words of 32 bits, for
 * processors without vectors; `highway-module.ts` has the other one.
 */
import { Hidden } from '../secret.ts';

export const packetBytes = 32;
export const hashBytes = 8;

export class HighwayKey extends Hidden {
  static readonly sizeBytes = 32;
  readonly #bytes: Uint8Array;

  /** @param bytes four numbers of 64 bits, the lowest byte of each first */
  constructor(bytes: Uint8Array) {
    super();
    if (bytes.length !== HighwayKey.sizeBytes) throw new TypeError(`a key of ${bytes.length} bytes`);
    this.#bytes = Uint8Array.from(bytes);
  }

  writeTo(target: Uint8Array): void {
    target.set(this.#bytes);
  }
}

/** Each number of 64 bits is two words, the low one first. */
export const firstMul0 = Int32Array.of(
  0xfe4cce2f, 0xdbe6d5d5, 0x299f31d0, 0xa4093822, 0x03707344, 0x13198a2e, 0x85a308d3, 0x243f6a88,
); // prettier-ignore
export const firstMul1 = Int32Array.of(
  0xcb0ef593, 0x3bd39e10, 0xb5f18a8c, 0xc0acf169, 0x34e90c6c, 0xbe5466cf, 0x38d01377, 0x452821e6,
); // prettier-ignore
export const finalRounds = 4;

export function highwayHash64(data: Uint8Array, key: HighwayKey): bigint {
  const state = new State(key);
  const packet = new Packet();
  const restBytes = data.length % packetBytes;
  const endOfPackets = data.length - restBytes;
  for (let at = 0; at < endOfPackets; at += packetBytes) {
    packet.bytes.set(data.subarray(at, at + packetBytes));
    state.update(packet.words);
  }
  if (restBytes > 0) {
    writeLastPacket(data.subarray(endOfPackets), packet.bytes);
    state.addLength(restBytes);
    state.update(packet.words);
  }
  return state.finish(packet.words);
}

/** Makes a packet of the last 1 to 31 bytes: each of them is in it, some twice. */
export function writeLastPacket(rest: Uint8Array, packet: Uint8Array): void {
  const oddBytes = rest.length % 4;
  const odd = rest.subarray(rest.length - oddBytes);
  packet.fill(0);
  packet.set(rest.subarray(0, rest.length - oddBytes));
  if (rest.length >= 16) packet.set(rest.subarray(-4), 28);
  else if (oddBytes > 0)
    packet.set([odd[0] as number, odd[oddBytes >> 1] as number, odd[oddBytes - 1] as number], 16);
}

class Packet {
  readonly bytes = new Uint8Array(packetBytes);
  readonly words = new Int32Array(this.bytes.buffer);
}

const words = 8;

class State {
  readonly #v0 = new Int32Array(words);
  readonly #v1 = new Int32Array(words);
  readonly #mul0 = Int32Array.from(firstMul0);
  readonly #mul1 = Int32Array.from(firstMul1);

  constructor(key: HighwayKey) {
    const packet = new Packet();
    key.writeTo(packet.bytes);
    packet.words.forEach((word, index) => {
      this.#v0[index] = word ^ (firstMul0[index] as number);
      this.#v1[index ^ 1] = word ^ (firstMul1[index ^ 1] as number);
    });
  }

  update(packet: Int32Array): void {
    for (let at = 0; at < words; at += 2) {
      addNumber(this.#v1, at, this.#mul0[at] as number, this.#mul0[at + 1] as number);
      addNumber(this.#v1, at, packet[at] as number, packet[at + 1] as number);
      addProduct(this.#mul0, at, this.#v1[at] as number, this.#v0[at + 1] as number);
      addNumber(this.#v0, at, this.#mul1[at] as number, this.#mul1[at + 1] as number);
      addProduct(this.#mul1, at, this.#v0[at] as number, this.#v1[at + 1] as number);
    }
    addMixed(this.#v0, this.#v1);
    addMixed(this.#v1, this.#v0);
  }

  /** The length of the last packet, so that zeros at the end count. */
  addLength(restBytes: number): void {
    for (let at = 0; at < words; at += 2) addNumber(this.#v0, at, restBytes, restBytes);
    this.#v1.forEach((word, index) => {
      this.#v1[index] = (word << restBytes) | (word >>> (32 - restBytes));
    });
  }

  finish(packet: Int32Array): bigint {
    for (let round = 0; round < finalRounds; round++) {
      // Halves of v0 change places, and the words of each number.
      for (let index = 0; index < words; index++) packet[index] = this.#v0[index ^ 5] as number;
      this.update(packet);
    }
    const sum = [this.#v1, this.#mul0, this.#mul1].reduce((total, [low = 0, high = 0]) => {
      addNumber(total, 0, low, high);
      return total;
    }, this.#v0);
    return new DataView(sum.buffer).getBigUint64(0, true);
  }
}

function addNumber(sum: Int32Array, at: number, low: number, high: number): void {
  const lowSum = ((sum[at] as number) >>> 0) + (low >>> 0);
  sum[at] = lowSum;
  sum[at + 1] = (sum[at + 1] as number) + high + (lowSum > 0xffff_ffff ? 1 : 0);
}

/** Adds (xor) the product of two words. It has 64 bits: more than a number of JavaScript holds. */
function addProduct(sum: Int32Array, at: number, a: number, b: number): void {
  const [aLow, aHigh, bLow, bHigh] = [a & 0xffff, a >>> 16, b & 0xffff, b >>> 16];
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const otherMiddle = aLow * bHigh + (middle & 0xffff);
  sum[at] = (sum[at] as number) ^ Math.imul(a, b);
  sum[at + 1] = (sum[at + 1] as number) ^ (aHigh * bHigh + (middle >>> 16) + (otherMiddle >>> 16));
}

/** Adds numbers made of the bytes of `from`, in an order in which bytes that products mixed well come to lie low. */
function addMixed(sum: Int32Array, from: Int32Array): void {
  for (let at = 0; at < words; at += 4) {
    const a = from[at] as number;
    const b = from[at + 1] as number;
    const c = from[at + 2] as number;
    const d = from[at + 3] as number;
    addNumber(
      sum,
      at,
      (a >>> 24) | ((d & 0xff) << 8) | (a & 0xff_0000) | ((b & 0xff00) << 16),
      ((d >>> 16) & 0xff) | (a & 0xff00) | ((d >>> 24) << 16) | (a << 24),
    );
    addNumber(
      sum,
      at + 2,
      (c >>> 24) | ((b & 0xff) << 8) | (c & 0xff_0000) | ((d & 0xff00) << 16),
      ((c >>> 8) & 0xff) | ((b >>> 8) & 0xff00) | ((c & 0xff) << 16) | (b & ~0xff_ffff),
    );
  }
}
