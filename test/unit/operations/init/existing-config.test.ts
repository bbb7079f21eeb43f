import assert from 'node:assert/strict';
import { test } from 'vitest';
import { silentLog } from '../../../support/logs.ts';
import { loadConfig } from '../../../../src/config/index.ts';
import { markConfigured } from '../../../../src/operations/init/existing-config.ts';
import { createMarker, readMarker } from '../../../../src/repository/format/marker.ts';
import { createMemoryStore } from '../../../../src/stores/memory/store.ts';

test('a configuration from the environment alone gets its markers; a pinned id is never created', async () => {
  const stores = new Map(['main', 'far'].map(name => [name, createMemoryStore()]));
  const storeOf = (name: string) => stores.get(name) ?? assert.fail(name);
  const configOf = async (env: NodeJS.ProcessEnv) =>
    (
      await loadConfig({
        defaultPath: '/nonexistent.toml',
        env: {
          WALVAULT_CLUSTER: 'a',
          WALVAULT_REPOSITORY_URL: 'file:///m',
          WALVAULT_REPOSITORY_FAR_URL: 's3://b/p',
          ...env,
        },
      })
    ).config;
  const dependencies = {
    log: silentLog,
    signal: AbortSignal.timeout(30_000),
    markRepository: ({ name }: { name: string }, signal: AbortSignal) => createMarker(storeOf(name), signal),
    readMarker: ({ name }: { name: string }, signal: AbortSignal) => readMarker(storeOf(name), signal),
  };
  const pinned = await configOf({ WALVAULT_REPOSITORY_ID: 'known' });
  await assert.rejects(
    markConfigured(pinned, dependencies),
    /"main" has no marker, the configuration expects id known/,
  );
  assert.equal(await readMarker(storeOf('main'), dependencies.signal), undefined);

  const first = await markConfigured(await configOf({}), dependencies);
  assert.deepEqual(
    first.map(({ name, isPinned }) => [name, isPinned]),
    [
      ['main', false],
      ['far', false],
    ],
  );
  assert.deepEqual(await markConfigured(await configOf({}), dependencies), first);

  await assert.rejects(markConfigured(pinned, dependencies), /expects id known/);
  const right = await configOf({ WALVAULT_REPOSITORY_ID: first[0]?.id });
  assert.equal((await markConfigured(right, dependencies))[0]?.isPinned, true);
});
