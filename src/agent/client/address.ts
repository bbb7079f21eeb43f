/**
 * Where an agent listens: a socket in a directory that only its user can enter, under a name that follows from the
 * user, the data directory and the configuration. Both sides work it out by themselves and neither trusts what it
 * finds: a directory that is not ours, or open to others, is not used.
 */
import { existsSync, lstatSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { defaultConfigPath } from '../../base/default-config.ts';
import { describeSystemCode, systemCode } from '../../base/errors/errors.ts';
import { quickDigest } from './quick-digest.ts';

/** A socket's path has at most 108 bytes with its final zero (sockaddr_un in unix(7)). */
const maxPathBytes = 107;

export interface AgentAddress {
  /** Mode 0700, ours. */
  readonly directory: string;
  /** 32 hex digits. Other files of the agent begin with it. */
  readonly key: string;
  readonly socketPath: string;
  /** Without symbolic links. */
  readonly dataDirectory: string;
  /** Absolute, links as they are: files in it count from where it seems to lie. */
  readonly configPath: string;
}

export interface AddressClues {
  readonly workingDirectory: string;
  /** `%p`. */
  readonly walPath: string;
  /** From `--config`. */
  readonly configPath: string | undefined;
  readonly env: NodeJS.ProcessEnv;
}

/** Undefined when no data directory is found, or no socket could have such a long name: then there is no agent. */
export function findAddress(clues: AddressClues): AgentAddress | undefined {
  const fromPath = dirname(dirname(resolve(clues.workingDirectory, clues.walPath)));
  const found = [clues.workingDirectory, fromPath].find(directory =>
    existsSync(`${directory}/global/pg_control`),
  );
  if (found === undefined) return undefined;
  const named = clues.configPath ?? (clues.env['WALVAULT_CONFIG'] || defaultConfigPath);
  return addressOf(found, resolve(clues.workingDirectory, named), clues.env);
}

export function addressOf(
  dataDirectory: string,
  configPath: string,
  env: NodeJS.ProcessEnv,
): AgentAddress | undefined {
  const real = realPath(dataDirectory);
  const text = [String(process.getuid?.()), real, configPath].join('\0');
  const key = quickDigest(text);
  const directory = socketDirectory(env);
  const socketPath = join(directory, `${key}.sock`);
  // The private name that it listens under first is longer by a process id.
  if (Buffer.byteLength(privateName({ directory, key }, 2 ** 22)) > maxPathBytes) return undefined;
  return { directory, key, socketPath, dataDirectory: real, configPath };
}

/** The same for every process of the user, whatever its TMPDIR: there must not be two places to look. */
export function socketDirectory(env: NodeJS.ProcessEnv): string {
  return env['WALVAULT_AGENT_DIRECTORY'] || `/tmp/walvault-${process.getuid?.()}`;
}

/** A socket that listens under this name is not to be talked to yet. */
export function privateName(
  { directory, key }: Pick<AgentAddress, 'directory' | 'key'>,
  pid: number,
): string {
  return join(directory, `${key}.${pid}.new`);
}

export type DirectoryState = 'ours' | 'absent' | { readonly problem: string };

/** Whoever else could enter the directory could answer in the agent's place, or ask it. */
export function inspectDirectory(directory: string): DirectoryState {
  try {
    const found = lstatSync(directory);
    if (!found.isDirectory()) return { problem: `${directory} is not a directory` };
    if (found.uid !== process.getuid?.()) return { problem: `${directory} belongs to another user` };
    if ((found.mode & 0o077) !== 0) return { problem: `${directory} is open to other users` };
    return 'ours';
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT') return 'absent';
    return { problem: `${directory}: ${describeSystemCode(code ?? String(error))}` };
  }
}

function realPath(path: string): string {
  try {
    return realpathSync.native(path);
  } catch {
    return path;
  }
}
