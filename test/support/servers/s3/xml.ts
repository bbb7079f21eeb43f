/** The simple XML that the S3 imitation reads and writes: flat elements without attributes. */

export function elements(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>(.*?)</${name}>`, 'gs'))].map(match => match[1] ?? '');
}

export function textOf(xml: string, name: string): string | undefined {
  const text = elements(xml, name)[0];
  return text?.replaceAll(
    /&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi,
    (whole, hex?: string, decimal?: string, named?: string) => {
      if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
      if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
      return namedEntities[named ?? ''] ?? whole;
    },
  );
}

const namedEntities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

export function escapeXml(text: string): string {
  return text.replaceAll(/[&<>"']/g, char => `&#${char.charCodeAt(0)};`);
}

export function errorXml(
  code: string,
  message: string,
  details: Readonly<Record<string, string>> = {},
): string {
  const more = Object.entries(details).map(([name, text]) => `<${name}>${escapeXml(text)}</${name}>`);
  return `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${escapeXml(message)}</Message>${more.join('')}</Error>`;
}
