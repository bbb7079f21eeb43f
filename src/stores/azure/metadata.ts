/**
 * Metadata as Azure keeps it: names are C# identifiers, so a hyphen and a leading digit need another form. The CRC-32 of
 * the whole body is added to the caller's entries, because the service keeps no checksum of a body that came in blocks.
 */

const checksumName = 'walvaultcrc32';

export function toAzureMetadata(
  metadata: Readonly<Record<string, string>> | undefined,
  crc32: number,
): Record<string, string> {
  const entries = Object.entries(metadata ?? {}).map(([name, value]) => [encodeName(name), value]);
  return { ...Object.fromEntries(entries), [checksumName]: hex(crc32) } as Record<string, string>;
}

export interface AzureMetadata {
  readonly metadata: Readonly<Record<string, string>>;
  /** Undefined for a blob that another program has written. */
  readonly crc32: number | undefined;
}

export function fromAzureMetadata(stored: Readonly<Record<string, string>> | undefined): AzureMetadata {
  const { [checksumName]: checksum, ...rest } = stored ?? {};
  const entries = Object.entries(rest).map(([name, value]) => [decodeName(name), value]);
  return {
    metadata: Object.freeze(Object.fromEntries(entries)) as Record<string, string>,
    crc32:
      checksum !== undefined && /^[0-9a-f]{8}$/.test(checksum) ? Number.parseInt(checksum, 16) : undefined,
  };
}

/** The name as an identifier: `write-id` becomes `write__id`, `1st` becomes `_1st`. Our names hold no underscore. */
function encodeName(name: string): string {
  return name.replaceAll('-', '__').replace(/^(?=\d)/, '_');
}

function decodeName(name: string): string {
  return name.replace(/^_(?=\d)/, '').replaceAll('__', '-');
}

function hex(crc32: number): string {
  return crc32.toString(16).padStart(8, '0');
}
