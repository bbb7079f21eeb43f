/** Where two builds of one file differ, in a line for people. */

/** @returns undefined for equal files */
export function describeDifference(name: string, one: Buffer, other: Buffer): string | undefined {
  if (one.equals(other)) return undefined;
  const shorter = Math.min(one.length, other.length);
  const offsets: number[] = [];
  for (let offset = 0; offset < shorter; offset++) if (one[offset] !== other[offset]) offsets.push(offset);
  const first = offsets[0] ?? shorter;
  const sizes = one.length === other.length ? '' : `, ${one.length} and ${other.length} bytes long`;
  return `${name}: ${offsets.length} bytes differ from ${first} on${sizes}: ${around(one, first)} and ${around(other, first)}`;
}

function around(content: Buffer, offset: number): string {
  return JSON.stringify(content.subarray(Math.max(0, offset - 40), offset + 40).toString('latin1'));
}
