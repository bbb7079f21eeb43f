/** What `verify --repair` brings back from another repository, and what it leaves alone. */
import assert from 'node:assert/strict';
import { beforeAll, describe, it } from 'vitest';
import type { Log } from '../../../../src/observe/events/events.ts';
import { readerHere } from '../../../../src/operations/verify/data-reader.ts';
import { isDamage, noLoss, type Finding } from '../../../../src/operations/verify/finding.ts';
import { repair } from '../../../../src/operations/verify/repair.ts';
import { verify } from '../../../../src/operations/verify/verify.ts';
import { backupPrefix, historyKey, walKey } from '../../../../src/repository/format/layout.ts';
import type { Repository } from '../../../../src/repository/repository.ts';
import { withMethods } from '../../../../src/stores/methods.ts';
import { StoreError } from '../../../../src/stores/store.ts';
import { silentLog } from '../../../support/logs.ts';
import { geometry, signal, system } from '../../../support/site/archive.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';
import {
  ArchiveFiles,
  copyOf,
  fillArchive,
  makeArchiveKeys,
  newer,
  openArchive,
  type ArchiveKeys,
} from '../../../support/verified-archive.ts';

const root = temporaryDirectory('verify-repair', { keepOwner: true });
const segment = (timeline: number, number: bigint) => walKey(system, geometry.fileOf(timeline, number));
const part = `${backupPrefix(system, newer)}parts/000001.tar.zst.pgp`;
let keys: ArchiveKeys;

interface Pair {
  readonly main: Repository;
  readonly offsite: Repository;
  readonly mainFiles: ArchiveFiles;
  readonly offsiteFiles: ArchiveFiles;
}

beforeAll(async () => {
  keys = await makeArchiveKeys({ isEncrypted: true });
  await fillArchive(await openArchive(root, keys));
});

/** Two copies of one archive, on a host that can read both, or, without `canRead`, neither. */
async function pair({ canRead = true } = {}): Promise<Pair> {
  const [first, second] = [copyOf(root), copyOf(root)];
  const own = canRead ? keys.reader : {};
  return {
    main: await openArchive(first, keys, { keys: own }),
    offsite: await openArchive(second, keys, { name: 'offsite', keys: own }),
    mainFiles: new ArchiveFiles(first),
    offsiteFiles: new ArchiveFiles(second),
  };
}

async function repaired(
  { main, offsite }: Pick<Pair, 'main' | 'offsite'>,
  { isRepairing = true, log = silentLog }: { isRepairing?: boolean; log?: Log } = {},
): Promise<Finding[]> {
  const [result] = await verify({
    repositories: [main],
    all: [main, offsite],
    cluster: system.cluster,
    systemId: undefined,
    data: { reader: readerHere, percent: undefined, againAfterMs: 0 },
    isRepairing,
    now: new Date('2026-11-30T00:00:00Z'),
    log,
    signal,
  });
  assert.equal(result?.problem, undefined);
  return result?.systems.flatMap(({ findings }) => findings) ?? [];
}

describe('verify --repair', () => {
  it('creates segments, a history and a part that are gone', async () => {
    const scene = await pair();
    for (const key of [segment(1, 6n), segment(1, 7n), historyKey(system, 2), part])
      scene.mainFiles.remove(key);
    const findings = await repaired(scene);
    assert.deepEqual(
      new Set(findings.map(({ kind }) => kind)),
      new Set(['wal-gap', 'history-missing', 'part-missing']),
    );
    assert.ok(findings.every(({ repair }) => repair?.outcome === 'repaired' && repair.from === 'offsite'));
    assert.deepEqual(findings.filter(isDamage), []);
    assert.deepEqual(await repaired(scene, { isRepairing: false }), []);
  });

  for (const canRead of [true, false])
    it(`removes what is damaged, and creates it anew, on a host ${canRead ? 'with' : 'without'} a private key`, async () => {
      const scene = await pair({ canRead });
      const before = scene.mainFiles.read(segment(1, 6n));
      for (const key of [segment(1, 6n), part]) scene.mainFiles.flip(key);
      const findings = await repaired(scene);
      assert.deepEqual(
        findings.map(({ kind, repair }) => [kind, repair?.outcome]),
        [
          ['wal-bytes-changed', 'repaired'],
          ['part-bytes-changed', 'repaired'],
        ],
      );
      assert.ok(scene.mainFiles.read(segment(1, 6n)).equals(before));
      assert.deepEqual(await repaired(scene, { isRepairing: false }), []);
    });

  it('removes nothing while the other copy is no good either', async () => {
    const scene = await pair();
    for (const files of [scene.mainFiles, scene.offsiteFiles]) files.flip(segment(1, 6n));
    const before = scene.mainFiles.read(segment(1, 6n));
    const [finding, ...others] = await repaired(scene);
    assert.deepEqual(others, []);
    assert.equal(finding?.repair?.outcome, 'failed');
    assert.match(finding.repair.problem ?? '', /^the copy is no good either/);
    assert.ok(isDamage(finding));
    assert.ok(scene.mainFiles.read(segment(1, 6n)).equals(before));
  });

  it('removes nothing that is what was stored, although it was damaged when it was read', async () => {
    const { main, offsite, mainFiles } = await pair();
    const key = segment(1, 6n);
    const before = mainFiles.read(key);
    const finding: Finding = {
      kind: 'wal-bytes-changed',
      severity: 'damaged',
      subject: key,
      problem: 'its stored bytes are not those that were stored',
      loss: noLoss,
      remedies: ['copy'],
      repairable: { kind: 'object', key, objectClass: 'wal', digest: undefined, state: 'changed' },
    };
    const options = { repository: main, others: [offsite], system, geometry, log: silentLog, signal };
    const [done] = await repair([finding], options);
    assert.equal(done?.repair?.outcome, 'failed');
    assert.match(done.repair.problem ?? '', /^it is what was stored here/);
    assert.ok(mainFiles.read(key).equals(before));
  });

  it('says until when the store keeps a damaged object', async () => {
    const scene = await pair();
    scene.mainFiles.flip(segment(1, 6n));
    const lockedUntil = new Date('2027-01-01T00:00:00Z');
    const main = {
      ...scene.main,
      store: {
        ...withMethods(scene.main.store, {}),
        delete: async ([key = '']: readonly string[]) => [
          { key, error: new StoreError('denied', 'it is locked', { lockedUntil }) },
        ],
      },
    };
    const [finding] = await repaired({ main, offsite: scene.offsite });
    assert.equal(finding?.repair?.outcome, 'locked');
    assert.match(finding.repair.problem ?? '', /2027-01-01T00:00:00.000Z/);
    assert.ok(isDamage(finding));
  });

  it('says that there is nothing to copy from', async () => {
    const { main, mainFiles } = await pair();
    mainFiles.remove(segment(1, 6n));
    const [finding] = await repaired({ main, offsite: main });
    assert.deepEqual(finding?.repair, {
      outcome: 'failed',
      from: undefined,
      problem: 'there is no other repository to copy from',
    });
  });
});
