/** What must hold after each step, whoever did what. */
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { errorCodes } from '../../../../src/base/errors/errors.ts';
import { changesOf, pictureOf, secret } from './outside.ts';
import type { Outcome } from './verbs.ts';
import type { World } from './world.ts';

/** @throws Error whose message names each rule that is broken */
export class Rules {
  readonly #world: World;
  readonly #mayLeaveTemporary: boolean;
  readonly #outside: ReadonlyMap<string, string>;
  /** Files that were looked into, by path, with the time of their last change. */
  readonly #seen = new Map<string, bigint>();

  /** `mayLeaveTemporary`: a process that was killed, or that works at this moment, has not given them away yet. */
  constructor(world: World, { mayLeaveTemporary }: { readonly mayLeaveTemporary: boolean }) {
    this.#world = world;
    this.#mayLeaveTemporary = mayLeaveTemporary;
    this.#outside = pictureOf(world.ground.outsidePath);
  }

  check(outcomes: readonly Outcome[], { isPeaceful }: { readonly isPeaceful: boolean }): void {
    const broken = [
      ...outcomes
        .filter(({ result }) => result.signal !== 'SIGKILL')
        .flatMap(outcome => wrongStatus(outcome, isPeaceful)),
      ...changesOf(this.#outside, pictureOf(this.#world.ground.outsidePath)).map(
        change => `outside: ${change}`,
      ),
      ...outcomes
        .filter(({ result }) => `${result.stdout}${result.stderr}`.includes(secret))
        .map(({ run, args }) => `${run.by} was shown what lies outside by ${args.join(' ')}`),
      ...this.#foreignFiles(),
    ];
    if (broken.length > 0) throw new Error(broken.slice(0, 12).join('\n'));
  }

  /** Files that the user cannot use as his own, or that hold what is not his. */
  #foreignFiles(): string[] {
    const { ground, dataDirectory, isShared } = this.#world;
    const own = { uid: ground.user.uid, gid: ground.user.gid };
    const ofRepository = isShared
      ? { ...own, directoryMode: 0o2770, fileMode: 0o640 }
      : { ...own, directoryMode: 0o700, fileMode: 0o600 };
    return [
      ...this.#look(ground.repositoryPath, ofRepository),
      ...this.#look(ground.offsitePath, ofRepository),
      ...this.#look(ground.logDirectory, own),
      ...this.#look(ground.parkedPath, own),
      ...this.#look(dataDirectory, own),
    ];
  }

  #look(path: string, right: Right): string[] {
    const found = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    if (found === undefined || (this.#mayLeaveTemporary && temporaryName.test(path))) return [];
    const { uid, gid, ctimeNs } = found;
    const problems: string[] = [];
    if (Number(uid) !== right.uid || Number(gid) !== right.gid)
      problems.push(`${path} belongs to ${uid}:${gid}, not to ${right.uid}:${right.gid}`);
    const mode = found.isDirectory() ? right.directoryMode : found.isFile() ? right.fileMode : undefined;
    const found12 = Number(found.mode & 0o7777n);
    if (mode !== undefined && found12 !== mode) problems.push(`${path} has mode ${found12.toString(8)}`);
    if (found.isDirectory()) {
      for (const name of entriesOf(path)) problems.push(...this.#look(join(path, name), right));
    } else if (found.isFile() && this.#seen.get(path) !== ctimeNs) {
      this.#seen.set(path, ctimeNs);
      if (readFileSync(path).includes(secret)) problems.push(`${path} holds what lies outside`);
    }
    return problems;
  }
}

interface Right {
  readonly uid: number;
  readonly gid: number;
  /** Undefined: any. */
  readonly directoryMode?: number;
  readonly fileMode?: number;
}

const temporaryName = /\/\.[^/]*(\.walvault-tmp|\.tmp)$/;

const statuses = new Set<number>(Object.values(errorCodes));
/** `fetch` by hand exits 1 for what is surely absent, so its failures of walvault's own have another status. */
const internalOfFetch = 21;

function wrongStatus({ run, args, result, isRightInPeace }: Outcome, isPeaceful: boolean): string[] {
  const { exitCode, signal, stdout, stderr } = result;
  const isFetch = args[0] === 'fetch';
  const isDocumented =
    exitCode === 0 || (exitCode !== null && statuses.has(exitCode) && exitCode !== errorCodes.usage);
  const isOwnFailure = exitCode === (isFetch ? internalOfFetch : errorCodes.internal);
  const call = `${run.by}: walvault ${args.join(' ')}`;
  if (!isDocumented || isOwnFailure) return [`${call} exits ${signal ?? exitCode}: ${stderr}`];
  if (isPeaceful && !isRightInPeace) return [`${call} exits ${exitCode}, and nothing is planted: ${stderr}`];
  if (exitCode !== 0 && !isFetch && `${stdout}${stderr}`.trim() === '')
    return [`${call} exits ${exitCode} without a word`];
  if (/^ {4}at /m.test(stderr)) return [`${call} shows a stack: ${stderr}`];
  return [];
}

function entriesOf(path: string): string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return [];
    throw error;
  }
}
