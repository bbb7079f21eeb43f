/** The demo's installation: a scratch directory with a configuration, keys and a repository, removed at the end. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { agentPlace, defaultAgentMode, type AgentPlace } from '../../test/support/site/agents.ts';
import { bareEnvironment, run, type Environment, type RunResult } from '../../test/support/site/run.ts';
import { temporaryDirectory } from '../../test/support/site/temp.ts';
import { walvaultExecutable } from '../../test/support/site/walvault.ts';
import type { Narrator } from './narrator.ts';

export interface Installation {
  readonly configPath: string;
  readonly repositoryPath: string;
  /** Where the private key lives; in real life, not on the database host. */
  readonly keyDirectory: string;
  /** Shell words for archive_command. */
  readonly archiveCommand: string;
  /** Where the agents listen that start by themselves, as they do by default. */
  readonly agents: AgentPlace;
  /** What only those who may read the archive have. */
  readonly readerEnv: () => Record<string, string>;
  /** Runs the executable and shows command and output. @throws Error when it fails */
  readonly walvault: (args: readonly string[], env?: Environment) => Promise<RunResult>;
}

export function createInstallation(narrator: Narrator): Installation {
  const directory = temporaryDirectory('demo');
  const configPath = join(directory, 'walvault.toml');
  const repositoryPath = join(directory, 'repository');
  const keyDirectory = temporaryDirectory('usb-stick');
  const executable = walvaultExecutable();
  return {
    configPath,
    repositoryPath,
    keyDirectory,
    agents: agentPlace(defaultAgentMode),
    archiveCommand: `${executable} --config ${configPath} push %p`,
    readerEnv() {
      const name = readdirSync(keyDirectory).find(entry => entry.endsWith('private.asc'));
      if (name === undefined) throw new Error(`init left no private key in ${keyDirectory}`);
      return { WALVAULT_ENCRYPTION_PRIVATE_KEYS: join(keyDirectory, name) };
    },
    async walvault(args, env = {}) {
      narrator.command(`walvault ${args.map(quote).join(' ')}`);
      const result = await run(executable, args, {
        cwd: directory,
        env: { ...bareEnvironment, ...defaultAgentMode, WALVAULT_CONFIG: configPath, ...env },
      });
      narrator.output(result.stdout + result.stderr);
      if (result.exitCode !== 0)
        throw new Error(`walvault ${args[0]} ended with ${result.signal ?? `status ${result.exitCode}`}`);
      return result;
    },
  };
}

function quote(word: string): string {
  return /^[\w\-./:=%]+$/.test(word) ? word : `'${word}'`;
}
