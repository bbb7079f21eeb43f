/** The commands that `npm run bench -- push` measures, one row each. A row added here is measured and printed. */
import type { PushBench } from './push-bench.ts';
import type { Command, Cost } from './command.ts';
import type { Limit } from './figure.ts';

export interface Row {
  readonly name: string;
  readonly command: Command;
  /** Not counted. */
  readonly before?: () => Promise<void>;
  readonly against?: Against;
}

/** This row's figure divided by that of the row named, measured in the same round. */
export interface Against {
  readonly row: string;
  readonly figure: keyof Cost;
  readonly limit?: Limit;
}

/** Short commands are run so often in a row, because bash tells milliseconds only. */
const often = 5;

export function rowsOf(bench: PushBench): Row[] {
  const { walvault, wal } = bench;
  const cwd = wal.dataDirectory;
  const empty: Row = {
    name: 'empty program',
    command: { script: `${walvault} --version > /dev/null`, cwd, env: {}, times: often },
  };
  const kinds = ['easy', 'hard'] as const;
  return [empty, ...storedRows(bench, empty), ...kinds.flatMap(kind => rowsOfKind(bench, empty, kind))];
}

/** Pushes of what is durable already: what PostgreSQL waits for when the segment was sent ahead. */
function storedRows({ warm, storedPeer, wal: { dataDirectory: cwd } }: PushBench, empty: Row): Row[] {
  const besideEmpty = { row: empty.name, figure: 'wallMs' } as const;
  const own: Row = {
    name: 'push of an already durable segment, agent warm',
    command: { script: warm.script, cwd, env: warm.env, times: often },
    before: warm.warmUp,
    against: { ...besideEmpty, limit: { atMost: 1.3 } },
  };
  if (storedPeer === undefined) return [own];
  const peer: Row = {
    name: 'pgBackRest: push of an already stored segment, asynchronous',
    command: { script: storedPeer, cwd, env: {}, times: often },
    against: besideEmpty,
  };
  return [own, peer];
}

function rowsOfKind(bench: PushBench, empty: Row, kind: 'easy' | 'hard'): Row[] {
  const { walvault, wal, directory, s3, gpg } = bench;
  const cwd = wal.dataDirectory;
  const segment = wal[kind];
  const push = `${walvault} push pg_wal/${segment}`;
  const fetch = `${walvault} fetch ${segment} pg_wal/RECOVERYXLOG`;
  const zstdAndGpg = `zstd --quiet -1 --stdout pg_wal/${segment} | gpg ${gpg.args} --output - --encrypt > /dev/null`;
  const reference: Row = {
    name: `zstd -1 piped to gpg, ${kind}`,
    command: { script: zstdAndGpg, cwd, env: gpg.env },
  };
  return [
    reference,
    {
      name: `push without agent to a directory, ${kind}`,
      command: { script: push, cwd, env: directory.env },
      before: directory.forget,
      against: { row: reference.name, figure: 'cpuMs', limit: { atMost: kind === 'hard' ? 1.8 : 2 } },
    },
    {
      name: `push without agent to S3 over TLS, ${kind}`,
      command: { script: push, cwd, env: s3.env },
      before: s3.forget,
      against: {
        row: empty.name,
        figure: 'cpuMs',
        ...(kind === 'easy' && { limit: { atMost: 7 } }),
      },
    },
    {
      name: `fetch without agent from a directory, ${kind}`,
      command: { script: fetch, cwd, env: directory.env },
      against: { row: empty.name, figure: 'cpuMs' },
    },
    {
      name: `fetch without agent from S3 over TLS, ${kind}`,
      command: { script: fetch, cwd, env: s3.env },
      against: { row: empty.name, figure: 'cpuMs' },
    },
  ];
}
