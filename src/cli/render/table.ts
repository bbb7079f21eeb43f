/** A table for people. */

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

/** An aligned table: two spaces between columns, no trailing blanks; without rows only the titles. */
export function renderTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const titles = columns.map(column => column.title);
  const widths = columns.map((column, index) =>
    Math.max(column.title.length, ...rows.map(row => (row[index] ?? '').length)),
  );
  return [titles, ...rows].map(row => `${renderRow(row, columns, widths)}\n`).join('');
}

function renderRow(row: readonly string[], columns: readonly Column[], widths: readonly number[]): string {
  return columns
    .map((column, index) => {
      const text = row[index] ?? '';
      const padding = ' '.repeat(Math.max(0, (widths[index] ?? 0) - text.length));
      return column.align === 'right' ? padding + text : text + padding;
    })
    .join('  ')
    .trimEnd();
}
