/** The options of `npm run bench --`. */
import { parseArgs } from 'node:util';

export interface BenchOptions {
  /** Names of benches: those given, else all that belong to the table. */
  readonly wanted: readonly string[];
  /** That wait to be archived, and that a recovery fetches. */
  readonly segments: { readonly drain: number; readonly recovery: number };
  /** Of a bench whose rows are short, of one whose rows are long, and of backups. */
  readonly rounds: { readonly short: number; readonly long: number; readonly backup: number };
  /** The table goes into docs/benchmarks.md. */
  readonly write: boolean;
}

export interface BenchNames {
  readonly tabled: readonly string[];
  readonly others: readonly string[];
}

/** @throws Error with what is wrong about it */
export function readOptions(args: readonly string[], { tabled, others }: BenchNames): BenchOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      rounds: { type: 'string' },
      segments: { type: 'string' },
      write: { type: 'boolean', default: false },
    },
  });
  const known = [...tabled, ...others];
  const unknown = positionals.find(name => !known.includes(name));
  if (unknown !== undefined) throw new Error(`no such bench: ${unknown}; there are ${known.join(', ')}`);
  const wanted = positionals.length === 0 ? tabled : positionals;
  const missing = tabled.filter(name => !wanted.includes(name));
  if (values.write && missing.length > 0)
    throw new Error(`--write needs the whole table, and ${missing.join(', ')} would not run`);
  const rounds = values.rounds === undefined ? undefined : count('--rounds', values.rounds);
  const segments = values.segments === undefined ? undefined : count('--segments', values.segments);
  return {
    wanted,
    segments: { drain: segments ?? 100, recovery: segments ?? 200 },
    rounds: { short: rounds ?? 12, long: rounds ?? 2, backup: rounds ?? 5 },
    write: values.write,
  };
}

function count(name: string, text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new Error(`${name} ${text}: not a count`);
  return Number(text);
}
