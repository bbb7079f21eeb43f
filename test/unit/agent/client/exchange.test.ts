import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, it } from 'vitest';
import { addressOf, type AgentAddress } from '../../../../src/agent/client/address.ts';
import { exchange, type Answer } from '../../../../src/agent/client/exchange.ts';
import { listen } from '../../../../src/agent/server.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

const request = {
  verb: 'fetch',
  fingerprint: '',
  environment: {},
  name: '000000010000000000000005',
  destination: '/pg_wal/RECOVERYXLOG',
} as const;

/** Answers after `answersAfterMs`, and says every second that it is at work. */
async function askAgent(
  agent: { readonly saysItMayTakeMs?: number; readonly answersAfterMs: number },
  mayTakeMs?: number,
): Promise<Answer> {
  const directory = join(temporaryDirectory('agent', { keepOwner: true }), 's');
  const address = addressOf('/data', '/config', { WALVAULT_AGENT_DIRECTORY: directory }) as AgentAddress;
  const end = new AbortController();
  const server = await listen(address, {
    answer: async () => {
      await delay(agent.answersAfterMs, undefined, { signal: end.signal }).catch(() => undefined);
      return { kind: 'declined', reason: 'not-ready' };
    },
    mayTakeMs: () => agent.saysItMayTakeMs,
  });
  try {
    return await exchange(address.socketPath, request, { silenceMs: 5000, mayTakeMs });
  } finally {
    end.abort();
    server.leave();
  }
}

describe('whoever asks the agent', { timeout: 30_000 }, () => {
  it('does not wait for ever for one that is always at work', async () => {
    assert.deepEqual(await askAgent({ answersAfterMs: 60_000 }, 1200), {
      kind: 'silent',
      detail: 'still at work after 1.2 s',
    });
  });

  it('waits for as long as the agent says that it may take', async () => {
    assert.deepEqual(await askAgent({ saysItMayTakeMs: 1500, answersAfterMs: 60_000 }, 60_000), {
      kind: 'silent',
      detail: 'still at work after 1.5 s',
    });
    assert.deepEqual(await askAgent({ saysItMayTakeMs: 60_000, answersAfterMs: 2000 }, 1500), {
      kind: 'declined',
      reason: 'not-ready',
    });
  });

  it('waits while it is at work, without a limit', async () => {
    assert.deepEqual(await askAgent({ answersAfterMs: 2000 }), { kind: 'declined', reason: 'not-ready' });
  });
});
