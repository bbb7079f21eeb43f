/** An agent in the foreground, for a data directory with or without a server. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import type { AgentPlace } from '../site/agents.ts';
import { onExit } from '../site/on-exit.ts';
import { bareEnvironment } from '../site/run.ts';
import { until, type Site } from '../site/site.ts';
import { unprivilegedIds } from '../site/unprivileged.ts';
import { walvaultExecutable } from '../site/walvault.ts';

export interface ForegroundAgent {
  readonly pid: number;
  readonly child: ChildProcess;
  /** What it printed so far. */
  output(): string;
  ended(): Promise<{ exitCode: number | null; signal: NodeJS.Signals | null }>;
}

export interface ForegroundOptions {
  readonly dataDirectory: string;
  /** `listening`: it can be asked. */
  readonly until: 'listening' | 'its end';
}

export async function startForegroundAgent(
  site: Site,
  place: AgentPlace,
  options: ForegroundOptions,
): Promise<ForegroundAgent> {
  const child = spawn(
    walvaultExecutable(),
    ['--config', site.configPath, 'agent', '--data-directory', options.dataDirectory],
    {
      cwd: '/',
      env: { ...bareEnvironment, ...site.readerEnv, ...place.env },
      stdio: ['ignore', 'ignore', 'pipe'],
      ...unprivilegedIds(),
    },
  );
  const disarm = onExit(() => child.kill('SIGKILL'));
  let output = '';
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const ended = new Promise<Awaited<ReturnType<ForegroundAgent['ended']>>>(resolve => {
    child.once('exit', (exitCode, signal) => {
      disarm();
      resolve({ exitCode, signal });
    });
  });
  if (options.until === 'its end') await ended;
  await until('the agent listens', () => {
    if (options.until === 'its end') return true;
    if (child.exitCode !== null) throw new Error(`the agent has ended: ${output}`);
    return output.includes('listening at');
  });
  return { pid: child.pid ?? 0, child, output: () => output, ended: () => ended };
}

export function socketNames(place: AgentPlace): string[] {
  return existsSync(place.directory)
    ? readdirSync(place.directory).filter(name => name.endsWith('.sock'))
    : [];
}
