import assert from 'node:assert/strict';
import { it } from 'vitest';
import { ConfiguredSecret } from '../../../src/config/index.ts';
import { packSecrets, unpackSecrets } from '../../../src/workers/packed-config.ts';

it('a configuration reaches a thread with its secrets, and as nothing that prints them', async () => {
  const told: string[] = [];
  const reading = {
    env: { B: 'hunter23' },
    onSecret: (secret: { reveal(): string }) => told.push(secret.reveal()),
  };
  const secret = (form: 'text' | 'env' | 'command', source: string) =>
    new ConfiguredSecret({ label: 'x', form, source }, reading);
  const known = secret('command', 'echo hunter24');
  assert.equal((await known.read()).reveal(), 'hunter24');
  const config = {
    a: [1, undefined, { b: secret('text', 'hunter22') }],
    c: null,
    d: 'text',
    list: [secret('env', 'B'), known],
  };
  const packed = structuredClone(packSecrets(config));
  told.length = 0;
  const arrived = unpackSecrets(packed, { ...reading, env: { B: 'hunter33' } }) as typeof config;
  const nested = arrived.a[2] as { b: ConfiguredSecret };
  assert.equal((await nested.b.read()).reveal(), 'hunter22');
  assert.equal((await arrived.list[0]?.read())?.reveal(), 'hunter33');
  // What was read already is not read again.
  assert.deepEqual(arrived.list[1]?.recipe(), { label: 'x', form: 'text', source: 'hunter24' });
  assert.ok(['hunter22', 'hunter33', 'hunter24'].every(text => told.includes(text)));
  assert.ok(!JSON.stringify(arrived).includes('hunter'));
  assert.deepEqual([arrived.a[0], arrived.a[1], arrived.c, arrived.d], [1, undefined, null, 'text']);
});
