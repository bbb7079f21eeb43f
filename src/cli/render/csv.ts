/**
 * A table as comma-separated values (RFC 4180), for spreadsheets: a header, CRLF behind each line, quotes where they are
 * needed.
 */

export type CsvCell = string | number | bigint | boolean | Date | undefined;

export function renderCsv(titles: readonly string[], rows: Iterable<readonly CsvCell[]>): string {
  return [titles, ...rows].map(row => `${row.map(cellOf).join(',')}\r\n`).join('');
}

function cellOf(cell: CsvCell): string {
  if (cell === undefined) return '';
  if (cell instanceof Date) return cell.toISOString();
  if (typeof cell !== 'string') return String(cell);
  const text = harmless(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/**
 * A spreadsheet takes a text that begins like this for a formula, and a label or a note is anybody's text. An apostrophe
 * before it makes it text again.
 */
function harmless(text: string): string {
  return /^[\s]*[=+\-@\t\r]/.test(text) ? `'${text}` : text;
}
