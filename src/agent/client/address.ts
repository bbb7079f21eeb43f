/**
 * The address of an agent: a socket in a directory that only its user can enter. The socket's name follows from the
 * user, the data directory and the configuration, so that both sides compute the same. Neither side uses a directory
 * that belongs to another user or is open to others.
 */
import { existsSync, lstatSync, realpathSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { defaultConfigPath } from '../../base/default-config.ts';
import { describeSystemCode, systemCode } from '../../base/errors/errors.ts';
import { quickDigest } from './quick-digest.ts';

/** A socket's path has at most 108 bytes with its final zero (sockaddr_un in unix(7)). */
const maxPathBytes = 107;

export interface AgentAddress {
  /** A directory of this user, mode 0700. */
  readonly directory: string;
  /** 32 hex digits. The agent's other files begin with them. */
  readonly key: string;
  readonly socketPath: string;
  /** Without symbolic links. */
  readonly dataDirectory: string;
  /**
   * Absolute, with symbolic links: relative paths in the configuration count from the directory that the link is in.
   */
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

/** Undefined, and so no agent, when no data directory is found or the socket's name would be too long. */
export function findAddress(clues: AddressClues): AgentAddress | undefined {
  const fromPath = dirname(dirname(resolve(clues.workingDirectory, clues.walPath)));
  const found = [clues.workingDirectory, fromPath].find(directory =>
    existsSync(`${directory}/global/pg_control`),
  );
  if (found === undefined) return undefined;
  const named = clues.configPath ?? (clues.env['WALVAULT_CONFIG'] || defaultConfigPath);
  return addressOf(found, resolve(clues.workingDirectory, named), clues.env);
}

/** `uid`: the user whose agent it is; only root may ask another's. */
export function addressOf(
  dataDirectory: string,
  configPath: string,
  env: NodeJS.ProcessEnv,
  uid = process.getuid?.(),
): AgentAddress | undefined {
  const real = realPath(dataDirectory);
  const text = [String(uid), real, configPath].join('\0');
  const key = quickDigest(text);
  const directory = socketDirectory(env, uid);
  const socketPath = join(directory, `${key}.sock`);
  // The private name under which the agent listens first is longer by a process id.
  if (Buffer.byteLength(privateName({ directory, key }, 2 ** 22)) > maxPathBytes) return undefined;
  return { directory, key, socketPath, dataDirectory: real, configPath };
}

/** One place for every process of the user, whatever its TMPDIR. */
export function socketDirectory(env: NodeJS.ProcessEnv, uid = process.getuid?.()): string {
  return env['WALVAULT_AGENT_DIRECTORY'] || `/tmp/walvault-${uid}`;
}

/** The name of a socket before its agent is ready for questions. */
export function privateName(
  { directory, key }: Pick<AgentAddress, 'directory' | 'key'>,
  pid: number,
): string {
  return join(directory, `${key}.${pid}.new`);
}

export type DirectoryState = 'ours' | 'absent' | { readonly problem: string };

/** Checks that no other user can enter the directory: he could answer in the agent's place, or ask the agent. */
export function inspectDirectory(directory: string, uid = process.getuid?.()): DirectoryState {
  try {
    const found = lstatSync(directory);
    if (!found.isDirectory()) return { problem: `${directory} is not a directory` };
    if (found.uid !== uid) return { problem: `${directory} belongs to another user` };
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
