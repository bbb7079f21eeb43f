/** The steps of one seed: what root and the ordinary user do to one repository, one after the other or at the same time. */
import { Seeded } from './seeded.ts';
import { placeNames, directoryPlaceNames, type PlaceName } from './places.ts';
import { serverVerbNames, verbNames, type VerbName } from './verbs.ts';

export type Account = 'root' | 'user';

export interface Run {
  readonly by: Account;
  readonly verb: VerbName;
  /** From 0 to below 1: chooses the segment, the key or the backup that the verb is about. */
  readonly choice: number;
}

export type Step =
  | { readonly kind: 'runs'; readonly runs: readonly Run[] }
  /** The user puts a link to something of root's in a place of the repository, or a pipe, a file or a directory. */
  | { readonly kind: 'plant'; readonly place: PlaceName; readonly choice: number }
  /** The user takes all of it out, and puts back what was in their places. */
  | { readonly kind: 'take-out' }
  /** The user does so in the place of a directory, and takes it out, again and again, while the verbs run. */
  | {
      readonly kind: 'flip';
      readonly place: PlaceName;
      readonly choice: number;
      readonly runs: readonly Run[];
    }
  /** SIGKILL for the first of the verbs, at `choice` of the time that a verb often takes. */
  | { readonly kind: 'kill'; readonly choice: number; readonly runs: readonly Run[] };

export interface Mix {
  /** Whether verbs are killed, too. */
  readonly kills: boolean;
}

export interface Plan extends Mix {
  readonly seed: number;
  /** Its directory has the set-group-id bit: it stands for several accounts of one group. */
  readonly isShared: boolean;
  /** A server runs, whose archiver pushes beside all of this, and backups can be taken. */
  readonly hasServer: boolean;
  readonly steps: readonly Step[];
}

const stepCount = 18;

/** These write or delete, and so come three times as often as the others. */
const writingVerbs: readonly VerbName[] = [
  'push',
  'push --missing',
  'cleanup',
  'check',
  'copy',
  'gap ack',
  'store rm',
];
const serverVerbs: readonly VerbName[] = serverVerbNames.flatMap(verb => [verb, verb, verb]);

/** The same seed and mix give the same plan. Every second seed is shared, every fourth has a server. */
export function planOf(seed: number, mix: Mix): Plan {
  const random = new Seeded(seed);
  const hasServer = seed % 4 === 0;
  const verbs = [...verbNames, ...writingVerbs, ...writingVerbs, ...(hasServer ? serverVerbs : [])];
  const run = (by?: Account): Run => ({
    by: by ?? random.pick(['root', 'user']),
    verb: random.pick(verbs),
    choice: random.next(),
  });
  const steps = Array.from({ length: stepCount }, () => stepOf(random, run, mix));
  return { seed, kills: mix.kills, isShared: seed % 2 === 1 || seed % 8 === 0, hasServer, steps };
}

function stepOf(random: Seeded, run: (by?: Account) => Run, { kills }: Mix): Step {
  const chance = random.next();
  if (kills && chance < 0.25) return { kind: 'kill', choice: random.next(), runs: [run(), run()] };
  if (chance < 0.45) return { kind: 'runs', runs: [run('root'), run('user')] };
  if (chance < 0.55) return { kind: 'runs', runs: [run()] };
  if (chance < 0.82) return { kind: 'plant', place: random.pick(placeNames), choice: random.next() };
  if (chance < 0.9) return { kind: 'take-out' };
  const place = random.pick(directoryPlaceNames);
  return { kind: 'flip', place, choice: random.next(), runs: [run('root'), run()] };
}

/** The step in words, for a report. */
export function sentenceOf(step: Step): string {
  switch (step.kind) {
    case 'runs':
      return inWords(step.runs);
    case 'plant':
      return `the user plants something in the place of ${step.place}`;
    case 'take-out':
      return 'the user takes out what is planted';
    case 'flip':
      return `${inWords(step.runs)}, while the user plants something in the place of ${step.place} and takes it out`;
    case 'kill':
      return `${inWords(step.runs)}, the first of them killed`;
  }
}

function inWords(runs: readonly Run[]): string {
  return runs.map(({ by, verb }) => `${by}: ${verb}`).join(' beside ');
}
