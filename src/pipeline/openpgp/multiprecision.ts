/** Large numbers in packets (RFC 9580 §3.2): a bit count in two octets, then the bytes without leading zeros. */

export function writeNumber(number: Uint8Array): Buffer {
  const firstByte = number.findIndex(byte => byte !== 0);
  const significant = firstByte === -1 ? Buffer.alloc(0) : number.subarray(firstByte);
  const bits = bitLength(significant);
  return Buffer.concat([Buffer.of(bits >> 8, bits & 0xff), significant]);
}

/** All numbers in `area`; undefined if a number has another bit count than announced, or bytes follow the last one. */
export function parseNumbers(area: Buffer): Buffer[] | undefined {
  const numbers: Buffer[] = [];
  for (let offset = 0; offset < area.length;) {
    const bits = area.readUInt16BE(offset);
    const end = offset + 2 + Math.ceil(bits / 8);
    const number = area.subarray(offset + 2, end);
    if (end > area.length || bitLength(number) !== bits) return undefined;
    numbers.push(number);
    offset = end;
  }
  return numbers;
}

export function bitLength(number: Uint8Array): number {
  const [first] = number;
  return first === undefined ? 0 : number.length * 8 - (Math.clz32(first) - 24);
}
