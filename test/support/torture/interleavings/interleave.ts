/**
 * Root and the server's user on one directory repository: seeded interleavings of verbs, while the user plants links to
 * what is root's. Nobody is locked out, nothing outside is touched or shown, and every status is a documented one.
 */
import type { RunOptions } from '../../site/run.ts';
import { requireRoot, unprivilegedAccount } from '../../site/unprivileged.ts';
import { prepareGround, type Ground } from './ground.ts';
import { Links } from './links.ts';
import { spotOf } from './places.ts';
import { proveNothingIsClosed } from './proof.ts';
import { Rules } from './rules.ts';
import { planOf, sentenceOf, type Mix, type Plan, type Step } from './steps.ts';
import { perform, takeDown, type Outcome } from './verbs.ts';
import { createWorld, type World } from './world.ts';

export interface InterleavingOptions extends Partial<Mix> {
  /** Of each plan only as many steps. Default: all. */
  readonly stepLimit?: number;
  /** Seeds at the same time. Default 1. */
  readonly lanes?: number;
  /** Told of each seed that has ended. */
  readonly onSeed?: (line: string) => void;
}

export interface InterleavingFigures {
  readonly seeds: number;
  readonly steps: number;
  readonly runs: number;
}

/** @throws Error with the report of each seed that broke a rule, and the command that repeats it */
export async function interleave(
  seeds: readonly number[],
  options: InterleavingOptions = {},
): Promise<InterleavingFigures> {
  requireRoot('only root can be one of two accounts');
  const user = unprivilegedAccount();
  if (user === undefined) throw new Error('there is no account beside root');
  const waiting = [...seeds];
  const figures = { seeds: 0, steps: 0, runs: 0 };
  const reports: string[] = [];
  const lane = async () => {
    const ground = await prepareGround(user);
    for (let seed = waiting.shift(); seed !== undefined; seed = waiting.shift()) {
      const plan = limited(planOf(seed, { kills: options.kills ?? false }), options.stepLimit);
      const startedAt = performance.now();
      const result = await playAndReport(ground, plan);
      const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
      figures.seeds++;
      figures.steps += plan.steps.length;
      figures.runs += result.runs;
      if (result.report !== undefined) reports.push(result.report);
      options.onSeed?.(`seed ${seed}, ${plan.steps.length} steps, ${seconds} s: ${result.report ?? 'holds'}`);
    }
  };
  await Promise.all(Array.from({ length: options.lanes ?? 1 }, lane));
  if (reports.length > 0)
    throw new Error(`${reports.length} of ${figures.seeds} seeds:\n\n${reports.join('\n\n')}`);
  return figures;
}

function limited(plan: Plan, stepLimit: number | undefined): Plan {
  return { ...plan, steps: plan.steps.slice(0, stepLimit) };
}

async function playAndReport(
  ground: Ground,
  plan: Plan,
): Promise<{ runs: number; report: string | undefined }> {
  const played = await play(ground, plan);
  if (played.broken === undefined) return { runs: played.runs, report: undefined };
  let shortest = { steps: played.steps, broken: played.broken };
  // The proof comes after the last step: what breaks it may have happened in an earlier one, which is looked for by halves.
  for (let whole = 0; played.isByProof && whole < shortest.steps;) {
    const middle = Math.floor((whole + shortest.steps) / 2);
    const { broken } = await play(ground, limited(plan, middle));
    if (broken === undefined) whole = middle + 1;
    else shortest = { steps: middle, broken };
  }
  return { runs: played.runs, report: reportOf(plan, shortest) };
}

interface Played {
  readonly runs: number;
  readonly steps: number;
  readonly broken: string | undefined;
  readonly isByProof: boolean;
}

async function play(ground: Ground, plan: Plan): Promise<Played> {
  const world = await createWorld(ground, plan);
  const links = new Links(world);
  const rules = new Rules(world, { mayLeaveTemporary: plan.kills || plan.hasServer });
  let runs = 0;
  let steps = 0;
  let isByProof = false;
  try {
    for (const step of plan.steps) {
      steps++;
      const wasPeaceful = links.isPeaceful && step.kind !== 'flip';
      const outcomes = await take(world, links, step);
      runs += outcomes.length;
      takeDown(world, outcomes);
      rules.check(outcomes, { isPeaceful: wasPeaceful });
    }
    isByProof = true;
    links.takeOut();
    await proveNothingIsClosed(world);
    rules.check([], { isPeaceful: true });
    return { runs, steps, broken: undefined, isByProof };
  } catch (error) {
    return { runs, steps, broken: error instanceof Error ? error.message : String(error), isByProof };
  } finally {
    await world.end();
  }
}

async function take(world: World, links: Links, step: Step): Promise<Outcome[]> {
  switch (step.kind) {
    case 'runs':
      return Promise.all(step.runs.map(run => perform(world, run)));
    case 'kill': {
      const afterMs = step.choice * oftenMs;
      const killed = (index: number) => (index === 0 ? { onStart: killedAfter(afterMs) } : {});
      return Promise.all(step.runs.map((run, index) => perform(world, run, killed(index))));
    }
    case 'take-out':
      links.takeOut();
      return [];
    case 'plant': {
      const spot = spotOf(world, step.place, step.choice);
      if (spot !== undefined) links.plant(spot);
      return [];
    }
    case 'flip': {
      links.takeOut();
      const spot = spotOf(world, step.place, step.choice);
      const work = Promise.all(step.runs.map(run => perform(world, run)));
      if (spot !== undefined) await links.flip(spot, work);
      return work;
    }
  }
}

/** How long a verb often takes on a busy machine; of those that take less, more end before their signal. */
const oftenMs = 600;

function killedAfter(afterMs: number): NonNullable<RunOptions['onStart']> {
  return child => void setTimeout(() => child.kill('SIGKILL'), afterMs).unref();
}

function reportOf(
  plan: Plan,
  { steps, broken }: { readonly steps: number; readonly broken: string },
): string {
  const kind = [
    plan.isShared ? 'shared' : 'of one account',
    plan.hasServer ? 'with a server' : 'without a server',
  ];
  return [
    `seed ${plan.seed}, a repository ${kind.join(', ')}:`,
    ...plan.steps.slice(0, steps).map((step, index) => `  ${index + 1}. ${sentenceOf(step)}`),
    broken,
    `again: WALVAULT_TEST_SEEDS=${plan.seed} WALVAULT_TEST_STEPS=${steps} npm run soak -- ${plan.kills ? 'interleavings-killed' : 'interleavings'}`,
  ].join('\n');
}
