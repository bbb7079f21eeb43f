/** A push by pgBackRest of a segment that it has stored already. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runOk } from '../../test/support/site/run.ts';
import { pgBackRestVersion, setUpPgBackRest } from './pgbackrest.ts';
import type { RealWal } from './real-wal.ts';

/** The command of a push whose segment pgBackRest's background process has stored; undefined without pgBackRest. */
export async function prepareStoredPeerPush({ dataDirectory, easy }: RealWal): Promise<string | undefined> {
  if ((await pgBackRestVersion()) === undefined) return undefined;
  const peer = setUpPgBackRest();
  peer.forget();
  await peer.createStanza({ dataDirectory });
  const script = `${peer.pushCommand} pg_wal/${easy}`;
  writeFileSync(join(dataDirectory, 'pg_wal/archive_status', `${easy}.ready`), '');
  await runOk('/bin/sh', ['-c', script], { cwd: dataDirectory });
  return script;
}
