/** The name of the user that this process runs as. */
import { userInfo } from 'node:os';

/** A user without a name (a container with a number for a user) is its number. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
