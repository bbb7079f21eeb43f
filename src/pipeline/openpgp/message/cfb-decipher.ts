/**
 * Decryption of AES in CFB mode. Each plain block is its cipher block XOR the encryption of the cipher block before it
 * (NIST SP 800-38A §6.3). All cipher blocks are known, so they are encrypted together, in ECB mode: OpenSSL's own CFB
 * handles one block after the other and takes four times as long.
 */
import { createCipheriv } from 'node:crypto';
import { release } from '../../../base/bytes/streams.ts';
import { makeFold } from '../../../base/checksum/fold-module.ts';

const blockSizeBytes = 16;
/** A size that stays in the processor's cache. */
const pieceSizeBytes = 64 * 1024;

/**
 * A module that XORs the second piece of its memory into the first, sixteen bytes at a time. Unlike a loop in JavaScript
 * it is fast from the first call. In one thread its calls cannot overlap.
 */
let adder: ReturnType<typeof makeFold> | undefined;

export class CfbDecipher {
  readonly #cipher;
  /** The cipher block before the next one; the bytes of the next block replace its bytes as they come. */
  readonly #register = Buffer.alloc(blockSizeBytes);
  /** The mask for the next block, valid once its first byte has come. */
  #mask = Buffer.alloc(blockSizeBytes);
  /** How many bytes of the next block have come. */
  #filled = 0;

  /** 16, 24 or 32 bytes of key; the initial vector is zero, as in OpenPGP. */
  constructor(key: Uint8Array) {
    this.#cipher = createCipheriv(`aes-${key.length * 8}-ecb`, key, null).setAutoPadding(false);
  }

  /** The plain bytes, as many as in `chunk`. */
  update(chunk: Uint8Array): Buffer {
    const before = Math.min((blockSizeBytes - this.#filled) % blockSizeBytes, chunk.length);
    const whole = chunk.length - before - ((chunk.length - before) % blockSizeBytes);
    const plain = Buffer.allocUnsafeSlow(chunk.length);
    this.#decryptBytes(plain, chunk, 0, before);
    for (let at = before; at < before + whole; at += pieceSizeBytes)
      this.#decryptBlocks(plain, chunk, at, Math.min(at + pieceSizeBytes, before + whole));
    this.#decryptBytes(plain, chunk, before + whole, chunk.length);
    return plain;
  }

  #decryptBlocks(plain: Buffer, chunk: Uint8Array, start: number, end: number): void {
    const { memory, fold } = (adder ??= makeFold([blockSizeBytes]));
    const sizeBytes = end - start;
    memory.set(this.#register, pieceSizeBytes);
    memory.set(chunk.subarray(start, end - blockSizeBytes), pieceSizeBytes + blockSizeBytes);
    const masks = this.#cipher.update(memory.subarray(pieceSizeBytes, pieceSizeBytes + sizeBytes));
    memory.set(masks, pieceSizeBytes);
    release(masks);
    memory.set(chunk.subarray(start, end));
    fold(0, pieceSizeBytes, sizeBytes);
    plain.set(memory.subarray(0, sizeBytes), start);
    this.#register.set(chunk.subarray(end - blockSizeBytes, end));
  }

  /** Decrypts a part of one block. */
  #decryptBytes(plain: Buffer, chunk: Uint8Array, start: number, end: number): void {
    for (let at = start; at < end; at++) {
      if (this.#filled === 0) this.#mask = this.#cipher.update(this.#register);
      const byte = chunk[at] ?? 0;
      plain[at] = byte ^ (this.#mask[this.#filled] ?? 0);
      this.#register[this.#filled] = byte;
      this.#filled = (this.#filled + 1) % blockSizeBytes;
    }
  }
}
