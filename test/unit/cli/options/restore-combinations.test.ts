import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { WalvaultError } from '../../../../src/base/errors/errors.ts';
import {
  refuseCombinations,
  type CombinedOptions,
} from '../../../../src/cli/options/restore-combinations.ts';
import { parseTarget, type TargetOptions } from '../../../../src/operations/restore/target.ts';

type Given = Partial<CombinedOptions> & TargetOptions;

/** The message of the refusal; undefined where the options go together. */
function refusalOf(given: Given): string | undefined {
  try {
    refuseCombinations({ keepSetting: [], ...given }, parseTarget(given));
    return undefined;
  } catch (error) {
    assert.ok(error instanceof WalvaultError);
    assert.equal(error.code, 'usage');
    assert.ok(error.hint !== undefined && !error.message.includes('\n'));
    return error.message;
  }
}

const targets: readonly TargetOptions[] = [
  {},
  { targetImmediate: true },
  { targetTime: '2026-11-22 10:00:00+00' },
  { targetTime: '2026-11-22 10:00:00+00', exclusive: true },
  { targetLsn: '0/3000000' },
  { targetXid: '1234' },
  { targetName: 'before-migration' },
];

describe('the combinations of options', () => {
  for (const target of targets)
    for (const targetTimeline of [undefined, 'current', 'latest', '3'])
      for (const targetAction of [undefined, 'pause', 'promote', 'shutdown'] as const)
        for (const start of [false, true]) {
          const given = { ...target, targetTimeline, targetAction, start } as Given;
          const hasTarget = Object.keys(target).length > 0;
          const isUseless = !hasTarget && (targetAction === 'pause' || targetAction === 'shutdown');
          test(`${JSON.stringify(given)}: ${isUseless ? 'refused' : 'taken'}`, () =>
            assert.match(
              refusalOf(given) ?? 'taken',
              isUseless ? /^--target-action needs a target/ : /^taken$/,
            ));
        }

  for (const [given, says] of [
    [{ start: true }, /^taken$/],
    [{ dryRun: true }, /^taken$/],
    [{ start: true, targetName: 'here', targetAction: 'promote' }, /^taken$/],
    [{}, /^--database needs --start/],
    [{ start: true, targetName: 'here', targetAction: 'pause' }, /^--database needs a server that opens/],
    [{ start: true, targetName: 'here', targetAction: 'shutdown' }, /^--database needs a server that opens/],
    [{ start: true, standby: true }, /^--database and --standby/],
    [{ start: true, delta: true }, /^--database and --delta/],
    [{ start: true, archiveMode: 'preserve' }, /^--database and --archive-mode preserve/],
  ] as const)
    test(`some databases with ${JSON.stringify(given)}: ${String(says)}`, () =>
      assert.match(refusalOf({ database: ['sales'], ...given }) ?? 'taken', says));

  for (const target of targets.slice(1))
    test(`a standby with ${JSON.stringify(target)}: refused`, () =>
      assert.match(refusalOf({ standby: true, ...target }) ?? '', /^a standby has no target/));

  test('a standby follows the newest timeline, and no other', () => {
    assert.equal(refusalOf({ standby: true, targetTimeline: 'latest', start: true }), undefined);
    for (const targetTimeline of ['current', '2'])
      assert.match(refusalOf({ standby: true, targetTimeline }) ?? '', /^a standby has no target/);
    assert.match(refusalOf({ standby: true, targetAction: 'promote' }) ?? '', /^a standby has no target/);
  });

  test('a primary to stream from is for a standby', () => {
    assert.equal(refusalOf({ standby: true, primaryConninfo: 'host=db1' }), undefined);
    assert.match(refusalOf({ primaryConninfo: 'host=db1' }) ?? '', /^--primary-conninfo is for a standby$/);
  });

  test('a way through a DROP needs a target that can lie within one', () => {
    for (const target of targets)
      assert.equal(
        refusalOf({ throughDrop: true, ...target })?.startsWith('--through-drop needs a target'),
        target.targetImmediate === true || Object.keys(target).length === 0 ? true : undefined,
      );
  });

  test('a dry run starts nothing, and programs are named for a start only', () => {
    assert.match(refusalOf({ start: true, dryRun: true }) ?? '', /^--start and --dry-run contradict/);
    for (const given of [{ pgBin: '/usr/lib/postgresql/15/bin' }, { port: 5433 }]) {
      assert.match(refusalOf(given) ?? '', /^--pg-bin and --port are for a server to start/);
      assert.equal(refusalOf({ start: true, ...given }), undefined);
    }
  });

  test('a setting can be kept if restore would change it', () => {
    assert.equal(refusalOf({ keepSetting: ['Archive_Mode'] }), undefined);
    assert.match(refusalOf({ keepSetting: ['work_mem'] }) ?? '', /does not change this setting/);
  });
});
