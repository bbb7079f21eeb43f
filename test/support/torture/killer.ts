/** Kills the agents and pushes of one data directory at random moments. */
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { AgentPlace } from '../site/agents.ts';
import type { Site } from '../site/site.ts';

export interface KillerOptions {
  /** Mean time between two kills of agents. */
  readonly everyMs: number;
  /**
   * Mean time between two kills of pushes; default: none. PostgreSQL's archiver dies with its push, and an archiver that
   * lived less than ten seconds is not started again at once.
   */
  readonly pushEveryMs?: number;
}

export class Killer {
  readonly #ending = new AbortController();
  readonly #agents: Promise<number>;
  readonly #pushes: Promise<number>;

  constructor(site: Site, place: AgentPlace, { everyMs, pushEveryMs }: KillerOptions) {
    const { signal } = this.#ending;
    this.#agents = killAgain(() => place.pids(), everyMs, signal);
    this.#pushes =
      pushEveryMs === undefined
        ? Promise.resolve(0)
        : killAgain(() => pushesOf(site).slice(0, 1), pushEveryMs, signal);
  }

  async end(): Promise<{ readonly agents: number; readonly pushes: number }> {
    this.#ending.abort();
    return { agents: await this.#agents, pushes: await this.#pushes };
  }
}

async function killAgain(find: () => number[], everyMs: number, signal: AbortSignal): Promise<number> {
  let killed = 0;
  const isOver = () => signal.aborted;
  while (!isOver()) {
    await delay(everyMs * 2 * Math.random(), undefined, { signal }).catch(() => undefined);
    let found = find();
    // A push is short: the next one will do.
    for (
      const endsAt = performance.now() + 1000;
      found.length === 0 && performance.now() < endsAt && !isOver();
    ) {
      await delay(5);
      found = find();
    }
    for (const pid of isOver() ? [] : found) if (kill(pid)) killed++;
  }
  return killed;
}

function kill(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL');
  } catch {
    // It has just left.
    return false;
  }
}

export function pushesOf(site: Site): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(pid => {
      const words = wordsOf(pid);
      return (
        words[0]?.endsWith('/walvault') === true && words.includes(site.configPath) && words.includes('push')
      );
    })
    .map(Number);
}

/** Empty once the process is gone. */
function wordsOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
  } catch {
    return [];
  }
}
