/** The help of `walvault fetch`; the command itself runs without the command tree (entry/run-fetch.ts). */
import { fetchLine } from '../../agent/client/command-lines.ts';
import { defineEntryCommand } from '../entry-command.ts';

const notes = `
Exits 0 when the file is there, whole and verified, and 1 only when the archive surely does not have it. Every other
status stops a recovery instead of ending it early.

Examples:
  restore_command = 'exec walvault fetch %f "%p"'    # postgresql.conf of a standby
  walvault fetch 000000010000000000000005 /tmp/segment --system-id 7300000000000000001
`;

export const defineFetch = defineEntryCommand(
  fetchLine,
  notes,
  async () => (await import('../../entry/run-fetch.ts')).runFetch,
);
