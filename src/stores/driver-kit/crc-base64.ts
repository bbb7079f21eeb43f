/** A 32-bit CRC as Amazon's and Google's services write it: big-endian, base64. */
export function crcToBase64(crc: number): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc);
  return bytes.toString('base64');
}
