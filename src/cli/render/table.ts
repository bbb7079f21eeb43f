/** A table for people. */
import { cutToWidth, displayWidth } from './text-width.ts';

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** Where a table is too wide for the terminal, the column with the lowest number is left out first; undefined: it stays. */
  readonly leaveOut?: number;
  /** The column whose texts are cut at last, to no less than `narrowest`. */
  readonly isFlexible?: boolean;
}

const gap = 2;
const narrowest = 16;

/**
 * An aligned table: two spaces between columns, no trailing blanks; without rows only the titles. It is made to fit the
 * width, if one is given: columns are left out, at last texts are cut. Without a width nothing is missing.
 */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width?: number,
): string {
  const cells: Cells[] = columns.map((column, index) => {
    const texts = [column.title, ...rows.map(row => row[index] ?? '')];
    return { column, texts, width: Math.max(...texts.map(displayWidth)) };
  });
  const shown = width === undefined ? cells : fitted(cells, width);
  return [...Array(rows.length + 1).keys()].map(row => `${renderRow(shown, row)}\n`).join('');
}

interface Cells {
  readonly column: Column;
  /** The title first. */
  readonly texts: readonly string[];
  readonly width: number;
}

function fitted(cells: readonly Cells[], width: number): readonly Cells[] {
  let shown = cells;
  while (narrowestOf(shown) > width) {
    const next = shown
      .filter(({ column }) => column.leaveOut !== undefined)
      .toSorted((a, b) => (a.column.leaveOut ?? 0) - (b.column.leaveOut ?? 0))[0];
    if (next === undefined) break;
    shown = shown.filter(one => one !== next);
  }
  const excess = widthOf(shown) - width;
  if (excess <= 0) return shown;
  return shown.map(one => {
    if (one.column.isFlexible !== true) return one;
    const narrow = Math.max(Math.min(narrowest, one.width), one.width - excess);
    return { ...one, width: narrow, texts: one.texts.map(text => cutToWidth(text, narrow)) };
  });
}

function widthOf(cells: readonly Cells[]): number {
  return cells.reduce((sum, { width }) => sum + width + gap, -gap);
}

/** The width with the flexible columns as narrow as they may be. */
function narrowestOf(cells: readonly Cells[]): number {
  return widthOf(
    cells.map(one =>
      one.column.isFlexible === true ? { ...one, width: Math.min(one.width, narrowest) } : one,
    ),
  );
}

function renderRow(cells: readonly Cells[], row: number): string {
  return cells
    .map(({ column, texts, width }) => {
      const text = texts[row] ?? '';
      const padding = ' '.repeat(Math.max(0, width - displayWidth(text)));
      return column.align === 'right' ? padding + text : text + padding;
    })
    .join(' '.repeat(gap))
    .trimEnd();
}
