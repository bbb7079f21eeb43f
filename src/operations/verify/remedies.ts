/** The words of the remedies. Pure. */
import type { Remedy } from './finding.ts';

export const remedyWords: Record<Remedy, string> = {
  copy: '`walvault verify --repair`, or `walvault copy`, brings it from another repository that has it.',
  'push-missing':
    'If a server still has it in pg_wal, `walvault push --missing` there archives it once more.',
  'new-backup': 'Take a new backup: from its end on recovery is possible again.',
  'older-version': 'A bucket with versions may have an older, good one.',
  acknowledge: '`walvault gap ack` accepts the loss.',
  remove: 'Once nobody needs it, `walvault store rm --force` removes it.',
  'remove-and-push':
    'Remove it with `walvault store rm --force`, and then archive the file again with `walvault push --missing` on a server that has it in pg_wal.',
  init: '`walvault init` makes a new one, with a new id: take repository.id out of the configuration first.',
  'next-push': 'The next push writes it anew.',
  'next-backup': 'The next backup of that host goes on with it, or a cleanup removes it.',
  'next-cleanup': 'The next cleanup finishes the removal.',
  'trust-signer':
    'If one of your hosts wrote it, name its public signing key in signing.trusted-signers; else remove it with `walvault store rm --force`.',
  'stop-server': 'Stop the server that is not meant to run, or give it a cluster name of its own.',
  'find-cause':
    'The server has these pages too, unless they were repaired since: look for the cause, and take a new backup.',
};
