import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { findUnarchived } from '../../../../../src/operations/restore/delta/unarchived.ts';
import { WalGeometry } from '../../../../../src/postgres/wal/geometry.ts';
import { temporaryDirectory } from '../../../../support/site/temp.ts';
import { makeSegment } from '../../../../support/wal/wal.ts';

const segmentSizeBytes = 1024 ** 2;
const geometry = new WalGeometry(segmentSizeBytes);
const systemId = 7_301_234_567_890_123_456n;
const nameOf = (number: bigint, timeline = 1) => geometry.nameOf(timeline, number);

function makeWal(made: {
  readonly segments: readonly bigint[];
  readonly others?: Readonly<Record<string, Buffer>>;
}) {
  const directory = temporaryDirectory('wal', { keepOwner: true });
  mkdirSync(join(directory, 'archive_status'));
  for (const number of made.segments)
    writeFileSync(
      join(directory, nameOf(number)),
      makeSegment({ timeline: 1, number, systemId, segmentSizeBytes }),
    );
  for (const [name, content] of Object.entries(made.others ?? {}))
    writeFileSync(join(directory, name), content);
  return directory;
}

const archived = (first: bigint, last: bigint) => ({
  ...{ systemId, geometry, histories: new Set<number>() },
  runs: [{ timeline: 1, first, last }],
});

describe('WAL that the archive lacks', () => {
  it('is each whole segment, and the last one is not', async () => {
    const directory = makeWal({ segments: [4n, 5n, 6n, 7n] });
    assert.deepEqual(await findUnarchived(directory, archived(1n, 4n)), {
      names: [nameOf(5n), nameOf(6n)],
      unfinished: nameOf(7n),
    });
    assert.deepEqual(await findUnarchived(directory, archived(1n, 7n)), { names: [], unfinished: undefined });
  });

  it('is the last one too, if PostgreSQL has finished it', async () => {
    const directory = makeWal({
      segments: [5n],
      others: { [`archive_status/${nameOf(5n)}.ready`]: Buffer.alloc(0) },
    });
    assert.deepEqual(await findUnarchived(directory, archived(1n, 4n)), {
      names: [nameOf(5n)],
      unfinished: undefined,
    });
  });

  it('is no segment that waits to be used again, no other system, and no file that is cut', async () => {
    const made = { timeline: 1, segmentSizeBytes };
    const directory = makeWal({
      segments: [5n],
      others: {
        [nameOf(6n)]: makeSegment({ ...made, systemId, number: 2n }),
        [nameOf(7n)]: makeSegment({ ...made, systemId: 1n, number: 7n }),
        [nameOf(8n)]: makeSegment({ ...made, systemId, number: 8n }).subarray(0, 1000),
        [nameOf(9n)]: Buffer.alloc(segmentSizeBytes),
      },
    });
    assert.deepEqual(await findUnarchived(directory, archived(1n, 4n)), {
      names: [],
      unfinished: nameOf(5n),
    });
  });

  it('is the history of a timeline', async () => {
    const directory = makeWal({
      segments: [],
      others: { '00000002.history': Buffer.from('x'), '00000003.history': Buffer.from('x') },
    });
    const { names } = await findUnarchived(directory, { ...archived(1n, 4n), histories: new Set([2]) });
    assert.deepEqual(names, ['00000003.history']);
  });

  it('is nothing behind a link that leads nowhere', async () => {
    assert.deepEqual(await findUnarchived('/nowhere/at/all', archived(1n, 4n)), {
      names: [],
      unfinished: undefined,
    });
  });
});
