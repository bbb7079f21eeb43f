/** A user id without an entry in the list of users, as containers have it, and an environment without HOME. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { homeDirectory } from '../../../src/base/account.ts';
import { isReachableUnprivileged, requireRoot } from '../../support/site/unprivileged.ts';

const sources = join(import.meta.dirname, '../../../src');

/** The output of a program that runs as a number for a user. */
function runAsNumber(program: string): string {
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    uid: 4711,
    gid: 4711,
    env: {},
    cwd: '/',
    encoding: 'utf8',
  });
  assert.equal(stderr, '');
  return stdout.trim();
}

describe('the account of this process', () => {
  it('has a home, whatever HOME says', () => {
    assert.equal(homeDirectory({ HOME: '/somewhere' }), '/somewhere');
    assert.notEqual(homeDirectory({ HOME: '' }), '');
    assert.notEqual(homeDirectory({}), '');
  });

  it('may have no name and no home: nothing that looks for files there fails', async ({ annotate }) => {
    requireRoot('only root can become a user without a name');
    if (!isReachableUnprivileged(join(sources, 'main.ts'), 'r')) {
      await annotate('left out: the sources are closed to other users');
      return;
    }
    const output = runAsNumber(`
      const at = path => import(${JSON.stringify(`${sources}/`)} + path);
      const { accountName } = await at('base/account.ts');
      const { beginCommand } = await at('entry/begin-command.ts');
      const { resolveTarget } = await at('postgres/server/libpq/connection-target.ts');
      const { readPasswordFile } = await at('postgres/server/libpq/password-file.ts');
      const { Secret } = await at('base/secret.ts');
      const env = {};
      beginCommand({ env, stdout() {}, stderr() {}, isTty: false, signal: AbortSignal.timeout(10_000) });
      const query = { hosts: ['h'], port: 1, database: 'd', user: 'u' };
      const refused = await resolveTarget(undefined, {}).catch(({ code, message, hint }) => [code, message, hint]);
      const service = await resolveTarget(new Secret('service=x'), {}).catch(({ code }) => code);
      const password = await readPasswordFile(query, undefined, {});
      console.log(JSON.stringify([accountName() ?? null, env.HOME, refused, service, password ?? null]));`);
    assert.deepEqual(JSON.parse(output), [
      null,
      '/',
      [
        'config',
        "postgres connection: no user is given, and this process's user id 4711 has no name",
        'Write user=… into postgres.connection, or set PGUSER.',
      ],
      'config',
      null,
    ]);
  });
});
