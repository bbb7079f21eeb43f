/** Signals to the push of a live archiver. PostgreSQL's archiver dies from signals, its backends must not. */
import { describe, it } from 'vitest';
import { createSite } from '../support/site/site.ts';
import { signalPushes } from '../support/torture/archiver-signals.ts';
import { isExcused } from '../support/torture/file-systems.ts';
import { startAsProcessOne } from '../support/torture/process-one.ts';

describe('a push that the archiver waits for', () => {
  it('answers SIGTERM by an exit status: the archiver lives on and repeats it', async () => {
    const site = await createSite();
    await using server = await site.startOrigin();
    await signalPushes(site, server, { signal: 'SIGTERM', rounds: 4 });
  });

  it('may be killed where PostgreSQL is process 1: no backend is lost, archiving goes on', async () => {
    if (isExcused()) return;
    const site = await createSite();
    const { server, stop } = await startAsProcessOne({
      initdbArgs: ['--wal-segsize=1'],
      conf: site.archiveConf,
    });
    try {
      await signalPushes(site, server, { signal: 'SIGKILL', rounds: 1 });
    } finally {
      await stop();
    }
  });
});
