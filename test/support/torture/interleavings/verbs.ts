/** The verbs that root and the user run: their command lines, and the statuses that they may end with in peace. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { errorCodes } from '../../../../src/base/errors/errors.ts';
import type { Environment, RunOptions, RunResult } from '../../site/run.ts';
import { keysIn, segmentsIn } from './places.ts';
import { pickBy } from './seeded.ts';
import type { Run } from './steps.ts';
import type { World } from './world.ts';

interface Call {
  readonly args: readonly string[];
  readonly env?: Environment;
  /** The segment that exits 0 makes safe. */
  readonly pushes?: string;
  /** The segment that the run may remove, whatever its status. */
  readonly removes?: string;
}

interface Verb {
  call(world: World, choice: number): Call | Promise<Call>;
  /** Statuses other than 0 that are right while nobody has planted anything. Another verb may run beside it. */
  readonly alsoRight: readonly number[];
}

const { conflict, damaged, target } = errorCodes;
const walMissing = errorCodes['wal-missing'];
const checkFailed = errorCodes['check-failed'];
const notFound = errorCodes['not-found'];

const table = {
  push: { call: async world => pushOf(await world.finishSegment()), alsoRight: [] },
  'push again': { call: async (world, choice) => pushOf(await anySegment(world, choice)), alsoRight: [] },
  'push --missing': { call: () => ({ args: ['push', '--missing'] }), alsoRight: [] },
  fetch: {
    call: async (world, choice) => fetchOf(world, await anySegment(world, choice)),
    alsoRight: [1, walMissing],
  },
  'fetch of a history': { call: world => fetchOf(world, '00000002.history'), alsoRight: [1] },
  list: { call: () => ({ args: ['list'] }), alsoRight: [] },
  'list --json': {
    call: world => ({ args: ['list', '--json'], env: world.ground.offsiteEnv }),
    alsoRight: [],
  },
  cleanup: {
    call: ({ server }) => ({
      args: ['cleanup', '--keep-last', '1'],
      // Older than what a seed without a server can archive are all backups, and so is the WAL that goes with them.
      ...(server !== undefined && { removes: 'old segments' }),
    }),
    alsoRight: [checkFailed],
  },
  'cleanup --dry-run': {
    call: () => ({ args: ['cleanup', '--keep-last', '1', '--dry-run'] }),
    alsoRight: [],
  },
  check: {
    call: world => ({ args: ['check', '--no-postgres'], env: world.ground.offsiteEnv }),
    alsoRight: [checkFailed],
  },
  copy: {
    call: world => ({ args: ['copy', '--from', 'main', '--to', 'offsite'], env: world.ground.offsiteEnv }),
    alsoRight: [conflict, checkFailed],
  },
  'gap ack': {
    call: () => ({ args: ['gap', 'ack', '--timeline', '1', '--reason', 'test'] }),
    alsoRight: [notFound],
  },
  'store rm': {
    call: (world, choice) => {
      const key = pickBy(choice, segmentsIn(world));
      return { args: ['store', 'rm', '--force', key], removes: key.slice(-24) };
    },
    alsoRight: [notFound],
  },
  'store get': {
    call: (world, choice) => ({ args: ['store', 'get', pickBy(choice, keysIn(world, ''))] }),
    alsoRight: [notFound],
  },
  'store get --decode': {
    call: (world, choice) => ({ args: ['store', 'get', '--decode', pickBy(choice, segmentsIn(world))] }),
    alsoRight: [notFound],
  },
  'store stat': {
    call: (world, choice) => ({ args: ['store', 'stat', pickBy(choice, keysIn(world, ''))] }),
    alsoRight: [notFound],
  },
  'store ls': { call: () => ({ args: ['store', 'ls', '--recursive', '--long'] }), alsoRight: [] },
  'restore --dry-run': {
    call: world => ({ args: ['restore', join(world.fetchedPath, 'nothing'), '--dry-run'] }),
    // While a cleanup runs beside it, or what it needs was removed.
    alsoRight: [damaged, walMissing, target, notFound],
  },
  'agent status': { call: () => ({ args: ['agent', 'status'] }), alsoRight: [notFound] },
  'agent stop': { call: () => ({ args: ['agent', 'stop'] }), alsoRight: [notFound] },
  'config show': { call: () => ({ args: ['config', 'show'] }), alsoRight: [] },
} satisfies Record<string, Verb>;

const serverTable = {
  backup: { call: world => backupOf(world), alsoRight: [walMissing] },
} satisfies Record<string, Verb>;

export type VerbName = keyof typeof table | keyof typeof serverTable;

export const verbNames = Object.keys(table) as (keyof typeof table)[];
/** These need a server. */
export const serverVerbNames = Object.keys(serverTable) as (keyof typeof serverTable)[];

const verbs: Readonly<Record<VerbName, Verb>> = { ...table, ...serverTable };

export interface Outcome {
  readonly run: Run;
  readonly args: readonly string[];
  readonly result: RunResult;
  /** The segment that it was to archive. */
  readonly pushes: string | undefined;
  /** What it may have removed, whatever its status: `old segments`, or one by name. */
  readonly removes: string | undefined;
  /** Whether the status is right where nothing is planted. */
  readonly isRightInPeace: boolean;
}

export async function perform(world: World, run: Run, options: RunOptions = {}): Promise<Outcome> {
  const verb = verbs[run.verb];
  const call: Call = await verb.call(world, run.choice);
  const { args, env, pushes, removes } = call;
  const result = await world.walvault(run.by, args, { ...options, ...(env !== undefined && { env }) });
  if (args[0] === 'fetch') rmSync(join(world.dataDirectory, args[2] ?? ''), { force: true });
  const isRightInPeace = result.exitCode === 0 || verb.alsoRight.includes(result.exitCode ?? -1);
  return { run, args, result, pushes, removes, isRightInPeace };
}

/** Takes down which segments are safe from now on: those pushed with 0, unless something of the same step may have removed them. */
export function takeDown({ archived }: World, outcomes: readonly Outcome[]): void {
  for (const { pushes, result } of outcomes)
    if (pushes !== undefined && result.exitCode === 0) archived.add(pushes);
  for (const { removes } of outcomes) {
    if (removes === 'old segments') archived.clear();
    else if (removes !== undefined) archived.delete(removes);
  }
}

function pushOf(name: string): Call {
  return { args: ['push', `pg_wal/${name}`], pushes: name };
}

export function fetchOf(_world: World, name: string): Call {
  return { args: ['fetch', name, join('fetched', name)] };
}

function backupOf({ server }: World): Call {
  return { args: ['backup', '--fast'], env: server?.env ?? {} };
}

async function anySegment(world: World, choice: number): Promise<string> {
  const names = [...world.segments.keys()];
  return names.length === 0 ? world.finishSegment() : pickBy(choice, names);
}
