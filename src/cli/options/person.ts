/** The person who runs a command, for notes that say who wrote them. */
import { hostname } from 'node:os';
import { userName } from '../../base/account.ts';

export function thisPerson(): { readonly user: string; readonly host: string } {
  return { user: userName(), host: hostname() };
}
