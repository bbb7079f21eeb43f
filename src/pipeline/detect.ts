/** Detects the encoding of an object by its first bytes: reading never depends on the settings. */
export type StoredFormat = 'openpgp' | 'zstd' | 'gzip' | 'lz4' | 'plain';

/** How many bytes `detectFormat` looks at; a shorter object may have fewer. */
export const detectLengthBytes = 7;

/**
 * OpenPGP: a session-key packet or an encrypted packet in either header form, with a known version (RFC 9580 §4.2, §5).
 * zstd: RFC 8878 §3.1.1, skippable frames included. gzip: RFC 1952. lz4: its frame format.
 *
 * Plain WAL is never mistaken: it starts with XLOG_PAGE_MAGIC, whose low byte comes first and is below 0x80, and
 * differs from all of these. Histories and backup labels are ASCII.
 */
export function detectFormat(firstBytes: Uint8Array): StoredFormat {
  const head = Buffer.from(firstBytes.buffer, firstBytes.byteOffset, firstBytes.length);
  if (head.length >= 4) {
    const magic = head.readUInt32LE(0);
    if (magic === 0xfd2fb528 || magic >>> 4 === 0x184d2a5) return 'zstd';
    if (magic === 0x184d2204) return 'lz4';
  }
  if (head[0] === 0x1f && head[1] === 0x8b && head[2] === 8) return 'gzip';
  return startsOpenpgpMessage(head) ? 'openpgp' : 'plain';
}

/** The known versions of the first packet of an encrypted message: PKESK, SKESK, SEIPD. Tag 9 has no version. */
const versionsOfTag = new Map([
  [1, [2, 3, 6]],
  [3, [4, 5, 6]],
  [18, [1, 2]],
]);

function startsOpenpgpMessage(head: Buffer): boolean {
  const [first = 0, length = 0] = head;
  if ((first & 0x80) === 0) return false;
  const isNewHeader = (first & 0x40) !== 0;
  const tag = isNewHeader ? first & 0x3f : (first >> 2) & 0x0f;
  if (tag === 9) return true;
  const bodyAt = isNewHeader ? newBodyOffset(length) : [2, 3, 5, 1][first & 3];
  const version = head[bodyAt ?? 0];
  return version !== undefined && (versionsOfTag.get(tag)?.includes(version) ?? false);
}

function newBodyOffset(firstLengthByte: number): number {
  if (firstLengthByte === 0xff) return 6;
  return firstLengthByte >= 192 && firstLengthByte < 224 ? 3 : 2;
}
