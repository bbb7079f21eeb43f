/** Cleanup of repositories where somebody has planted WAL, and that require signatures. */
import assert from 'node:assert/strict';
import { expect, it } from 'vitest';
import { cleanup } from '../../../../src/operations/cleanup/cleanup.ts';
import { historyKey, walKey } from '../../../../src/repository/format/layout.ts';
import type { SignaturePolicy } from '../../../../src/repository/encoding/signature-policy.ts';
import { commitBackup } from '../../../support/copied-repository.ts';
import { claimingMetadata, makeSignedArchive, plant } from '../../../support/hostile/archive.ts';
import { archiveSegment, geometry, signal, system } from '../../../support/site/archive.ts';
import { silentLog } from '../../../support/logs.ts';
import { walFile } from '../../../support/wal/wal.ts';

it('WAL of an unknown timeline, with or without a history, keeps nothing from being removed', async () => {
  const archive = await makeSignedArchive();
  const required = archive.as('require');
  for (let segment = 1n; segment <= 30n; segment++) await archiveSegment(required, 1, segment);
  for (const [index, from] of [5n, 15n, 25n].entries())
    await commitBackup(required, { id: `2026112${index}T020000Z-full-3f2a91`, from, to: from + 1n });
  const clean = async (policy: SignaturePolicy) => {
    const done = await cleanup({
      repositories: [archive.as(policy)],
      cluster: system.cluster,
      flags: { keepLast: 1 },
      configured: () => ({ minimumBackups: 1, timeZone: 'UTC' }),
      isRetired: false,
      isDryRun: true,
      now: new Date(),
      log: silentLog,
      signal,
    });
    return JSON.stringify(done, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
  };
  const before = await clean('require');
  expect(before).not.toContain('nothing is removed');
  const planted = [99, 98].map(timeline => walKey(system, walFile(geometry.nameOf(timeline, 40n))));
  for (const key of planted) await plant(required, key, 'junk');
  const history = Buffer.from('1\t0/F00000\tplanted\n');
  const metadata = claimingMetadata(history, history, { parent: 1, switchpoint: 0xf00000n });
  await plant(required, historyKey(system, 98), history, { metadata });
  const after = await clean('require');
  expect(after).not.toContain('nothing is removed');
  expect(after).toContain('"action":"remove"');
  expect(await clean('warn')).toContain('nothing is removed');
  assert.ok((await required.store.head(planted[0] ?? '', { signal })) !== undefined);
});
