/**
 * A push of a segment that the agent knows to be durable. Removing the segment from the repository proves that the
 * agent alone answers: a push that read the repository would store the segment again.
 */
import { readdirSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { agentPlace } from '../../test/support/site/agents.ts';
import { runOk, type Environment } from '../../test/support/site/run.ts';
import { createSite } from '../../test/support/site/site.ts';
import { startForegroundAgent } from '../../test/support/torture/foreground-agent.ts';
import type { RealWal } from './real-wal.ts';
import { forgetFiles } from './repository-files.ts';

export interface WarmPush extends AsyncDisposable {
  /** Ends in the path of the segment. */
  readonly script: string;
  readonly env: Environment;
  /** @throws Error when a push since the last call was not answered from what the agent remembers */
  warmUp(): Promise<void>;
}

export async function startWarmPush({ dataDirectory, easy }: RealWal): Promise<WarmPush> {
  const site = await createSite();
  const place = agentPlace();
  const env = { ...site.readerEnv, ...place.env };
  const agent = await startForegroundAgent(site, place, { dataDirectory, until: 'listening' });
  const script = site.command(`push pg_wal/${easy}`);
  const isStored = () =>
    readdirSync(site.repositoryPath, { recursive: true, encoding: 'utf8' }).some(path => path.endsWith(easy));
  return {
    script,
    env,
    async warmUp() {
      if (isStored()) throw new Error('the agent did not answer a push from what it remembers');
      // Of another time it is another file, which the agent does not know yet; and it forgets after ten minutes.
      const now = new Date();
      utimesSync(join(dataDirectory, 'pg_wal', easy), now, now);
      await runOk('/bin/sh', ['-c', script], { cwd: dataDirectory, env });
      if (!isStored()) throw new Error('the segment was not stored');
      forgetFiles(site.repositoryPath);
    },
    async [Symbol.asyncDispose]() {
      agent.child.kill('SIGTERM');
      await agent.ended();
    },
  };
}
