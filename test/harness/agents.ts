/** The resident agents of a test: where they listen, which processes they are, and that none is left. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onExit } from './on-exit.ts';
import { temporaryDirectory } from './temp.ts';

export interface AgentPlace {
  readonly directory: string;
  /** For whoever may start or ask an agent here. */
  readonly env: Readonly<Record<string, string>>;
  /** Resident agents that listen here or were started to. */
  pids(): number[];
  /** Names in the directory. */
  files(): string[];
}

/** A directory for sockets of its own. Agents that are left when the test ends are killed. */
export function agentPlace(env: Readonly<Record<string, string>> = {}): AgentPlace {
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

function agentProcesses(directory: string): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .filter(pid => wordsOf(pid, 'cmdline').includes('agent'))
    .filter(pid => wordsOf(pid, 'environ').includes(`WALVAULT_AGENT_DIRECTORY=${directory}`))
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
