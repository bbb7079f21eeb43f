/** CRC-32C as Google Cloud Storage writes it: big-endian, base64 ("Hashes and ETags" of Cloud Storage). */
import { finishCrc32c, startCrc32c, updateCrc32c } from '../../base/checksum/crc32c.ts';
import { crcToBase64 } from '../driver-kit/crc-base64.ts';

/** The checksum of bytes that come in chunks. */
export class Crc32c {
  #crc = startCrc32c;

  update(chunk: Uint8Array): this {
    this.#crc = updateCrc32c(this.#crc, chunk, 0, chunk.length);
    return this;
  }

  toBase64(): string {
    return crcToBase64(finishCrc32c(this.#crc));
  }
}

/** The CRC-32C in `crc32c=AAAAAA==,md5=…`, in one header or several. */
export function crc32cIn(header: string | string[] | undefined): string | undefined {
  const text = Array.isArray(header) ? header.join(',') : (header ?? '');
  return /(?:^|[,\s])crc32c=([^,\s]+)/.exec(text)?.[1];
}
