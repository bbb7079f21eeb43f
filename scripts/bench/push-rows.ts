/** What `npm run bench -- push` measures, one row a command. A row that is added here is measured and printed. */
import type { PushBench } from './push-bench.ts';
import type { Command, Cost } from './command.ts';

export interface Row {
  readonly name: string;
  readonly command: Command;
  /** Not counted. */
  readonly before?: () => Promise<void>;
  readonly limit?: Limit;
}

/** This row's figure divided by that of the row named, measured in the same round. */
export interface Limit {
  readonly of: string;
  readonly figure: keyof Cost;
  readonly atMost: number;
}

export function rowsOf(bench: PushBench): Row[] {
  const { walvault, wal, directory, s3, gpg } = bench;
  const cwd = wal.dataDirectory;
  const push = (segment: string) => `${walvault} push pg_wal/${segment}`;
  const fetch = (segment: string) => `${walvault} fetch ${segment} pg_wal/RECOVERYXLOG`;
  const reference = (segment: string) =>
    `zstd --quiet -1 --stdout pg_wal/${segment} | gpg ${gpg.args} --output - --encrypt > /dev/null`;
  const empty: Row = {
    name: 'empty program',
    command: { script: `${walvault} --version > /dev/null`, cwd, env: {} },
  };
  const overEmpty = (atMost: number): Limit => ({ of: empty.name, figure: 'cpuMs', atMost });
  return [
    empty,
    ...(['easy', 'hard'] as const).flatMap((kind): Row[] => {
      const segment = wal[kind];
      const peer = `zstd -1 piped to gpg, ${kind}`;
      const overPeer: Limit = { of: peer, figure: 'cpuMs', atMost: 2 };
      return [
        { name: peer, command: { script: reference(segment), cwd, env: gpg.env } },
        {
          name: `push to a directory, ${kind}`,
          command: { script: push(segment), cwd, env: directory.env },
          before: directory.forget,
          limit: overPeer,
        },
        {
          name: `fetch from a directory, ${kind}`,
          command: { script: fetch(segment), cwd, env: directory.env },
        },
        {
          name: `push to S3 over TLS, ${kind}`,
          command: { script: push(segment), cwd, env: s3.env },
          before: s3.forget,
          ...(kind === 'easy' && { limit: overEmpty(7) }),
        },
        { name: `fetch from S3 over TLS, ${kind}`, command: { script: fetch(segment), cwd, env: s3.env } },
      ];
    }),
  ];
}
