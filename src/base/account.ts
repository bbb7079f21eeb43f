/** The account of this process, which in a container may be a number without a name or home directory. */
import { fileBounds } from '../base/bounds.ts';
import { homedir, userInfo } from 'node:os';
import { readText } from './files/read.ts';

/** Undefined for a user id without an entry in the system's list of users. */
export function accountName(): string | undefined {
  try {
    return userInfo().username;
  } catch {
    return undefined;
  }
}

/** The name for people: a user without one is its number. */
export function userName(): string {
  return accountName() ?? `uid ${process.getuid?.() ?? 'unknown'}`;
}

/** The name of any user in the local user database; else `user id N`. */
export async function nameOfUser(id: number): Promise<string> {
  const users = await readText('/etc/passwd', fileBounds.users.limitBytes).catch(() => '');
  const line = users.split('\n').find(text => text.split(':')[2] === String(id));
  return line?.split(':')[0] ?? `user id ${id}`;
}

/**
 * The home directory: HOME, else that of the account, else `/`, which container engines take, too. The directory need
 * not exist.
 */
export function homeDirectory(env: NodeJS.ProcessEnv): string {
  const named = env['HOME'] ?? '';
  if (named !== '') return named;
  try {
    return homedir() || '/';
  } catch {
    return '/';
  }
}
