/** The resident agents of a test: their sockets, their processes, and the check that none is left. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { quickDigest } from '../../../src/agent/client/quick-digest.ts';
import { onExit } from './on-exit.ts';
import type { PostgresServer } from '../servers/postgres-server.ts';
import type { Environment } from './run.ts';
import type { Site } from './site.ts';
import { temporaryDirectory } from './temp.ts';
import { unprivilegedIds } from './unprivileged.ts';

export interface AgentPlace {
  readonly directory: string;
  /** The environment of processes that start or ask an agent here. */
  readonly env: Environment;
  /** Resident agents that listen here or were started to. */
  pids(): number[];
  /** Names in the directory. */
  files(): string[];
}

/** The default mode: over `bareEnvironment`, this is an installation that does not configure agents. */
export const defaultAgentMode = { WALVAULT_AGENT_MODE: undefined } as const;

/** A directory for sockets of its own. Agents that are left when the test ends are killed. */
export function agentPlace(env: Environment = {}): AgentPlace {
  const directory = join(temporaryDirectory('agents'), 's');
  const place: AgentPlace = {
    directory,
    env: { WALVAULT_AGENT_DIRECTORY: directory, WALVAULT_AGENT_MODE: 'auto', ...env },
    pids: () => agentProcesses(directory),
    files: () => (existsSync(directory) ? readdirSync(directory).toSorted() : []),
  };
  onExit(() => {
    for (const pid of place.pids()) killIfThere(pid);
  });
  return place;
}

/** What the names of an agent's files begin with, by the rule of `agent/client/address.ts` for the tests' account. */
export function agentKey(dataDirectory: string, configPath: string): string {
  const uid = unprivilegedIds().uid ?? process.getuid?.();
  return quickDigest([uid, dataDirectory, configPath].join('\0'));
}

/** How many segments the server's agent had ready when its recovery asked. */
export async function servedBy(site: Site, { dataDirectory }: PostgresServer): Promise<number> {
  const { stdout } = await site.walvault(['agent', 'status', '-D', dataDirectory]);
  return Number(/(\d+) of them served/.exec(stdout)?.[1] ?? 0);
}

function agentProcesses(directory: string): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(pid => wordsOf(pid, 'cmdline').includes('agent'))
    .filter(pid => wordsOf(pid, 'environ').includes(`WALVAULT_AGENT_DIRECTORY=${directory}`))
    .map(Number);
}

/** Agents that a push or fetch of this server has started, wherever they listen. */
export function agentsFor(dataDirectory: string): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(pid => {
      const words = wordsOf(pid, 'cmdline');
      return words.includes('agent') && words[words.indexOf('--for') + 1] === dataDirectory;
    })
    .map(Number);
}

/** Empty once the process is gone, and for a zombie. */
function wordsOf(pid: string, file: 'cmdline' | 'environ'): string[] {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'latin1').split('\0');
  } catch {
    return [];
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
