/**
 * What a server sends, cut into whole messages and looked at before the driver parses it. The driver's parser believes
 * every length: an error without its end keeps it busy for ever, and a row whose fields have negative lengths makes it
 * read the same bytes again and again.
 */

const headerBytes = 5;
const errorCode = 'E'.charCodeAt(0);
const noticeCode = 'N'.charCodeAt(0);
const rowCode = 'D'.charCodeAt(0);

export class MessageCheck {
  #held: Buffer[] = [];
  #heldBytes = 0;
  /** So many bytes are needed before there is a whole message, or the header of one. */
  #wantedBytes = headerBytes;

  /**
   * The whole messages that end in this chunk, after what was kept of the chunks before; perhaps none.
   * @throws Error for a message that is not well formed
   */
  take(chunk: Buffer): Buffer {
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes < this.#wantedBytes) return Buffer.alloc(0);
    const [first = chunk] = this.#held;
    const data = this.#held.length === 1 ? first : Buffer.concat(this.#held);
    let at = 0;
    this.#wantedBytes = headerBytes;
    while (data.length - at >= this.#wantedBytes) {
      const sizeBytes = 1 + data.readUInt32BE(at + 1);
      if (sizeBytes < headerBytes) throw new Error('a message of impossible length');
      this.#wantedBytes = sizeBytes;
      if (data.length - at < sizeBytes) break;
      if (!isWellFormed(data[at], data.subarray(at + headerBytes, at + sizeBytes)))
        throw new Error(`a malformed message of kind ${JSON.stringify(data.toString('latin1', at, at + 1))}`);
      at += sizeBytes;
      this.#wantedBytes = headerBytes;
    }
    const rest = data.subarray(at);
    this.#held = rest.length === 0 ? [] : [rest];
    this.#heldBytes = rest.length;
    return data.subarray(0, at);
  }
}

/** True for messages of all other kinds: the driver reads each of their fields once. */
function isWellFormed(code: number | undefined, body: Buffer): boolean {
  if (code === errorCode || code === noticeCode) return hasFields(body);
  return code !== rowCode || isRow(body);
}

/** A kind and a text that ends with a zero byte, for each field, then a zero byte ("Message Formats", ErrorResponse). */
function hasFields(body: Buffer): boolean {
  let at = 0;
  while (at < body.length && body[at] !== 0) {
    const end = body.indexOf(0, at + 1);
    if (end === -1) return false;
    at = end + 1;
  }
  return at === body.length - 1;
}

/** The number of values, then for each its length, −1 for null, and its bytes (DataRow). */
function isRow(body: Buffer): boolean {
  if (body.length < 2) return false;
  let at = 2;
  for (let left = body.readInt16BE(0); left > 0; left--) {
    const sizeBytes = at + 4 > body.length ? Number.NaN : body.readInt32BE(at);
    if (!(sizeBytes >= -1)) return false;
    at += 4 + Math.max(0, sizeBytes);
  }
  return at === body.length;
}
