/** One line of the table at the end of a bench. */
export interface Figure {
  readonly what: string;
  readonly measured: string;
  /** What it is compared with, and how that did. */
  readonly beside?: string;
  readonly value?: FigureValue;
}

export interface FigureValue {
  /** A ratio unless a unit says otherwise. */
  readonly number: number;
  readonly unit?: string;
  readonly limit?: Limit;
}

export type Limit = { readonly atMost: number } | { readonly atLeast: number };

export function isReached(number: number, limit: Limit): boolean {
  return 'atMost' in limit ? number <= limit.atMost : number >= limit.atLeast;
}

export function tableOf(figures: readonly Figure[]): string {
  return [
    '| | measured | beside | ratio | reach | |',
    '|---|---|---|---|---|---|',
    ...figures.map(lineOf),
  ].join('\n');
}

function lineOf({ what, measured, beside = '', value }: Figure): string {
  return `| ${what} | ${measured} | ${beside} | ${value === undefined ? ' | | ' : cellsOf(value)} |`;
}

function cellsOf({ number, unit, limit }: FigureValue): string {
  const shown = unit === undefined ? number.toFixed(2) : `${number.toFixed(number < 10 ? 1 : 0)} ${unit}`;
  if (limit === undefined) return `${shown} | | `;
  return `${shown} | ${textOf(limit)}${unit === undefined ? '' : ` ${unit}`} | ${isReached(number, limit) ? 'reached' : '**missed**'}`;
}

function textOf(limit: Limit): string {
  return 'atMost' in limit ? `≤ ${limit.atMost}` : `≥ ${limit.atLeast}`;
}
