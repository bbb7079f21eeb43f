import assert from 'node:assert/strict';
import { it } from 'vitest';
import { Secret } from '../../../src/base/secret.ts';
import { packSecrets, unpackSecrets } from '../../../src/workers/packed-config.ts';

it('a configuration reaches a thread with its secrets, and as nothing that prints them', () => {
  const config = { a: [1, undefined, { b: new Secret('hunter22') }], c: null, d: 'text' };
  const packed = structuredClone(packSecrets(config));
  const arrived = unpackSecrets(packed) as typeof config;
  const nested = arrived.a[2] as { b: Secret };
  assert.equal(nested.b.reveal(), 'hunter22');
  assert.ok(!JSON.stringify(arrived).includes('hunter22'));
  assert.deepEqual([arrived.a[0], arrived.a[1], arrived.c, arrived.d], [1, undefined, null, 'text']);
});
