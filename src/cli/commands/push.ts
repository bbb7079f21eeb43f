/** The help of `walvault push`; the command itself runs without the command tree (entry/run-push.ts). */
import { pushLine } from '../../agent/client/command-lines.ts';
import { defineEntryCommand } from '../entry-command.ts';

const notes = `
Exits 0 only when the file is durable in every required repository. A file that is archived already with the same
content is a success, with other content an error: nothing archived is ever replaced.

The one exception is off by default: with archive.queue-limit set, a segment that cannot be archived while more WAL than
that waits is given up. Its loss is recorded, an error names it, and push exits 0, so that the server goes on
(docs/queue-limit.md).

Examples:
  archive_command = 'walvault push %p'          # postgresql.conf
  cd /var/lib/postgresql/15/main && walvault push --missing
`;

export const definePush = defineEntryCommand(
  pushLine,
  notes,
  async () => (await import('../../entry/run-push.ts')).runPush,
);
