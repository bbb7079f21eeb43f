/** The proof at the end of a seed that the user is not locked out: alone, he does everything. */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { errorCodes } from '../../../../src/base/errors/errors.ts';
import type { Environment } from '../../site/run.ts';
import type { World } from './world.ts';

/** No link is planted any more. @throws Error that names the first verb that fails him */
export async function proveNothingIsClosed(world: World): Promise<void> {
  const { ground, server } = world;
  await prove(world, ['list']);
  const name = await world.finishSegment();
  await prove(world, ['push', `pg_wal/${name}`]);
  await prove(world, ['push', `pg_wal/${name}`]);
  await prove(world, ['push', `pg_wal/${await world.finishSegment()}`]);
  for (const segment of [...world.archived, name].slice(-3)) await proveArchived(world, segment);
  await prove(world, ['check', '--no-postgres'], { mayMissWal: true });
  await prove(world, ['store', 'rm', '--force', `${ground.prefix}wal/00000001/00000000/${name}`]);
  await prove(world, ['gap', 'ack', '--timeline', '1', '--reason', 'the proof removed it']);
  const copy = ['copy', '--from', 'main', '--to', 'offsite'];
  await prove(world, copy, { env: ground.offsiteEnv, mayMissWal: true });
  if (server !== undefined) await prove(world, ['backup', '--fast'], { env: server.env });
  await prove(world, ['cleanup', '--keep-last', '1']);
}

interface ProofOptions {
  readonly env?: Environment;
  /** The steps may have removed WAL that a backup needs, and the verb says so. */
  readonly mayMissWal?: true;
}

async function prove(
  world: World,
  args: readonly string[],
  { env = {}, mayMissWal }: ProofOptions = {},
): Promise<void> {
  const { exitCode, signal, stdout, stderr } = await world.walvault('user', args, { env });
  const said = `${stdout}${stderr}`;
  const isMissing = mayMissWal === true && exitCode === errorCodes['check-failed'];
  if (
    exitCode === 0 ||
    (isMissing && !/denied|belongs to|failed for [1-9]/.test(said.replaceAll(/^ok .*/gm, '')))
  )
    return;
  throw new Error(`the user alone: walvault ${args.join(' ')} exits ${signal ?? exitCode}: ${said}`);
}

async function proveArchived(world: World, name: string): Promise<void> {
  await prove(world, ['fetch', name, join('fetched', name)]);
  const path = join(world.fetchedPath, name);
  if (!readFileSync(path).equals(world.segments.get(name) ?? Buffer.alloc(0)))
    throw new Error(`${name} is not what was archived`);
  rmSync(path);
}
