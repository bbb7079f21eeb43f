/**
 * Repositories that somebody else may write: attackers who add objects, who replace and remove them, and who roll the
 * repository back, by the executable, with the configuration that `init` writes (signatures are required), with `warn` and
 * with `off`.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { claimingMetadata } from '../support/hostile/archive.ts';
import { flip, move } from '../support/hostile/hostile-repository.ts';
import { places, policies, Scene } from '../support/hostile/scene.ts';
import { newDirectory } from '../support/site/cycle.ts';

for (const where of Object.keys(places) as (keyof typeof places)[])
  describe(where, () => {
    let scene: Scene;
    let putBack: () => void;
    /** Archived WAL, neither the first nor the last. */
    let segment: string;

    beforeAll(async () => {
      scene = await Scene.open(where);
      segment = scene.segments().at(-2) ?? '';
      putBack = scene.repository.save();
    });
    afterEach(() => putBack());
    afterAll(() => scene.close());

    const plainSegment = () => readFileSync(join(scene.dataDirectory, 'pg_wal', segment));

    /** A copy of the genuine backup under another id: newest by its record, and unsigned. */
    function plantBackup(): string {
      const { repository, genuine } = scene;
      const id = '20991122T020000Z-full-aaaaaa';
      const record = repository.read(scene.recordKey).toString().replaceAll(genuine.id, id);
      repository.put(scene.recordKey.replace(genuine.id, id), record);
      for (const key of repository.keys(scene.backupPrefix))
        repository.put(key.replace(genuine.id, id), repository.read(key));
      return id;
    }

    /** A restore by the default configuration: what it prints, and whether PostgreSQL would start from what it left. */
    async function restored(args: readonly string[] = ['--target-immediate', '--target-timeline', '1']) {
      const directory = newDirectory();
      const { exitCode, stderr } = await scene.run(['restore', directory, ...args]);
      return { exitCode, stderr, startsFromIt: existsSync(join(directory, 'global/pg_control')) };
    }

    test('adds: an unsigned backup, newest by its record, is not restored', async () => {
      const id = plantBackup();
      for (const policy of policies) {
        const { exitCode, text } = await scene.plan(policy);
        assert.equal(exitCode, 0, text);
        const chosen = policy === 'default' ? scene.genuine.id : id;
        assert.ok(text.includes(chosen), `${policy}: ${text}`);
        if (policy === 'default') expect(text).toMatch(new RegExp(`${id}.* is not signed`));
      }
      scene.repository.remove(scene.recordKey);
      const alone = await scene.plan();
      assert.equal(alone.exitCode, 9, alone.text);
      expect(alone.text).toMatch(/no backup can be used: .*is not signed/);
    });

    test('adds: an unsigned backup is not restored by its name', async () => {
      const planted = await restored(['--target-immediate', '--backup', plantBackup()]);
      assert.equal(planted.exitCode, 9, planted.stderr);
      expect(planted.stderr).toMatch(/is not signed/);
      assert.ok(!planted.startsFromIt);
    });

    test('adds and replaces: push takes garbage with the right metadata for no archived file', async () => {
      const plain = plainSegment();
      const junk = Buffer.from('8 bytes!');
      const { signature = '' } = scene.repository.metadataOf(scene.walKey(segment));
      assert.notEqual(signature, '', 'what push writes is signed');
      for (const policy of policies) {
        const genuine = await scene.push(segment, policy);
        assert.equal(genuine.exitCode, 0, `the genuine one: ${genuine.stderr}`);
      }
      for (const metadata of [
        claimingMetadata(junk, plain),
        { ...claimingMetadata(junk, plain), signature },
      ]) {
        scene.repository.put(scene.walKey(segment), junk, metadata);
        for (const policy of policies) {
          const { exitCode, stderr } = await scene.push(segment, policy);
          assert.ok(exitCode === 8 || exitCode === 9, `${policy}: ${exitCode} ${stderr}`);
        }
      }
    });

    test('adds: notes, records and histories of anybody stop nobody, and are counted', async () => {
      const { repository, system } = scene;
      const note = (name: string, body: string) =>
        repository.put(`${system}/catalog/notes/${name}.json`, body);
      const range = { timeline: 1, first: '000000010000000000000001', last: '0000000100000FFF00000FFF' };
      const lost = { format: 1, subject: 'wal-00000001', kind: 'wal-lost', ...range };
      note('wal-00000001/20991122T020500123Z-wal-removed', '[1');
      note('wal-00000001/20991122T020500124Z-wal-lost', JSON.stringify(lost));
      note('high-water/0000000100000FFF00000FFF-high-water', '{}');
      repository.put(`${system}/catalog/backups/20991122T020000Z-full-bbbbbb.json`, '{"format":');
      const history = Buffer.from('1\t0/F000000\tplanted\n');
      const branch = { parent: 1, switchpoint: 0xf000000n };
      repository.put(
        `${system}/timelines/00000063.history`,
        history,
        claimingMetadata(history, history, branch),
      );

      const list = await scene.run(['list', '--json']);
      assert.equal(list.exitCode, 0, list.stderr);
      const [listed] = JSON.parse(list.stdout) as {
        problem: unknown;
        systems: { passedOver: { count: number } }[];
      }[];
      assert.equal(listed?.problem, null);
      assert.equal(listed.systems[0]?.passedOver.count, 5, list.stdout);
      expect(list.stderr).toMatch(/one of its notes counts for nothing/);
      const cleanup = await scene.run(['cleanup', '--keep-last', '1', '--dry-run']);
      assert.equal(cleanup.exitCode, 0, cleanup.stderr);
      assert.equal((await scene.plan()).exitCode, 0);
      const fetched = await scene.fetch(segment);
      assert.equal(fetched.exitCode, 0, fetched.stderr);
      const end = await scene.fetch('000000010000000000000050');
      assert.equal(end.exitCode, 1, end.stderr);
    });

    test('adds: WAL at the end, beyond it and of an unknown timeline stops nobody', async () => {
      const plain = plainSegment();
      const last = scene.segments().at(-1) ?? '';
      const after = (count: number) =>
        (BigInt(`0x${last}`) + BigInt(count)).toString(16).toUpperCase().padStart(24, '0');
      for (const name of [after(1), after(9), '000000630000000000000001'])
        scene.repository.put(scene.walKey(name), plain, claimingMetadata(plain, plain));
      const fetched = await scene.fetch(after(1));
      assert.equal(fetched.exitCode, 1, fetched.stderr);
      expect(fetched.stderr).toMatch(/counts? for nothing: .* is not signed/);
      const { exitCode, text } = await scene.plan();
      assert.equal(exitCode, 0, text);
      const cleanup = await scene.run(['cleanup', '--keep-last', '1', '--dry-run']);
      assert.equal(cleanup.exitCode, 0, cleanup.stderr);
      expect(cleanup.stdout + cleanup.stderr).not.toMatch(/nothing is removed: /);
    });

    test('adds: nobody but a trusted signer accepts a gap', async () => {
      scene.repository.remove(scene.walKey(segment));
      const range = { timeline: 1, first: segment, last: segment };
      const by = { user: 'mallory', host: 'db1', reason: 'none' };
      const body = { format: 1, subject: 'wal-00000001', kind: 'gap-acknowledged', ...range, ...by };
      const key = `${scene.system}/catalog/notes/wal-00000001/20261122T020500124Z-gap-acknowledged.json`;
      scene.repository.put(key, JSON.stringify(body));
      assert.equal((await scene.fetch(segment)).exitCode, 212);
      const accepted = await scene.run(['gap', 'ack', segment, '--reason', 'ticket 7']);
      assert.equal(accepted.exitCode, 0, accepted.stderr);
      const end = await scene.fetch(segment);
      assert.equal(end.exitCode, 1, end.stderr);
      expect(end.stderr).toMatch(/ticket 7/);
    });

    test('replaces: cluster.json that lies stops neither push nor recovery', async () => {
      const key = `${scene.system}/cluster.json`;
      for (const body of [
        scene.repository
          .read(key)
          .toString()
          .replace(/16777216|1048576/, '67108864'),
        '{',
      ]) {
        scene.repository.put(key, body);
        const pushed = await scene.push(segment);
        assert.equal(pushed.exitCode, 0, pushed.stderr);
        assert.notEqual(scene.repository.read(key).toString(), body);
        scene.repository.put(key, body);
        assert.equal((await scene.fetch('000000010000000000000050')).exitCode, 1);
      }
    });

    test('replaces: altered WAL without a signature is not delivered', async () => {
      const plain = plainSegment();
      plain[plain.length - 1] = 0xff;
      scene.repository.put(scene.walKey(segment), plain, claimingMetadata(plain, plain));
      const inTime = await scene.fetch(segment);
      // As if it were not there: later WAL shows that it was.
      assert.equal(inTime.exitCode, 212, inTime.stderr);
      expect(inTime.stderr).toMatch(/is not signed/);
      assert.equal((await scene.fetch(segment, 'standby.signal')).exitCode, 1);
      for (const policy of ['warn', 'off'] as const)
        assert.equal((await scene.fetch(segment, 'recovery.signal', policy)).exitCode, 0);
    });

    test('replaces: genuine WAL under another name, and WAL with a flipped bit, are not delivered', async () => {
      const other = scene.segments()[0] ?? '';
      move(scene.repository, scene.walKey(other), scene.walKey(segment));
      for (const policy of policies) {
        const moved = await scene.fetch(segment, 'recovery.signal', policy);
        assert.ok([209, 210, 212].includes(Number(moved.exitCode)), `${policy}: ${moved.stderr}`);
      }
      putBack();
      flip(scene.repository, scene.walKey(segment));
      for (const policy of policies) {
        const flipped = await scene.fetch(segment, 'recovery.signal', policy);
        assert.equal(flipped.exitCode, 209, `${policy}: ${flipped.stderr}`);
      }
    });

    test('replaces: a forged switchpoint removes no WAL, and is not shown', async () => {
      const { repository, system } = scene;
      const key = `${system}/timelines/00000002.history`;
      const metadata = { ...repository.metadataOf(key), switchpoint: '0/F0000000' };
      repository.put(key, repository.read(key), metadata);
      const before = scene.segments();
      const cleanup = await scene.run(['cleanup', '--keep-last', '1']);
      assert.equal(cleanup.exitCode, 0, cleanup.stderr);
      expect(cleanup.stdout + cleanup.stderr).toMatch(/history of timeline 2 cannot be read/);
      const kept = scene.segments();
      assert.ok(kept.includes(segment) && kept.length <= before.length);
      const list = await scene.run(['list', '--json']);
      assert.ok(!list.stdout.includes('0/F0000000'), list.stdout);
    });

    test('replaces: an altered commit record, or one whose signature is gone, is not restored', async () => {
      const { repository, recordKey } = scene;
      const record = repository.read(recordKey);
      const later = record.toString().replace(/(?<="stopTime": ?")20../, '2099');
      assert.notEqual(later, record.toString());
      repository.put(recordKey, later);
      const altered = await restored();
      assert.equal(altered.exitCode, 9, altered.stderr);
      expect(altered.stderr).toMatch(/signature/);
      repository.put(recordKey, record);
      repository.remove(`${recordKey}.sig`);
      const unsigned = await restored();
      assert.equal(unsigned.exitCode, 9, unsigned.stderr);
      expect(unsigned.stderr).toMatch(/is not signed/);
      assert.ok(!altered.startsFromIt && !unsigned.startsFromIt);
    });

    test('replaces: a part or a manifest that is not the recorded one leaves nothing that starts', async () => {
      const keys = scene.repository.keys(scene.backupPrefix);
      const victims = [/manifest\./, /parts\//].map(name => keys.find(key => name.test(key)) ?? '');
      for (const key of victims) {
        flip(scene.repository, key);
        const { exitCode, stderr, startsFromIt } = await restored();
        assert.equal(exitCode, 9, `${key}: ${stderr}`);
        assert.ok(!startsFromIt, key);
        putBack();
      }
    });

    test('replaces: a history of another branch is not handed on: a placeholder keeps its number taken', async () => {
      const key = `${scene.system}/timelines/00000002.history`;
      const forged = Buffer.from('1\t0/100000\tforged\n');
      const branch = { parent: 1, switchpoint: 0x100000n };
      scene.repository.put(key, forged, claimingMetadata(forged, forged, branch));
      const { exitCode, stderr } = await scene.fetch('00000002.history');
      assert.equal(exitCode, 0, stderr);
      expect(stderr).toMatch(/is not signed/);
      // PostgreSQL looks for a number that is free: this one stays taken, and leads to no branch.
      const delivered = join(scene.recoveryDirectory('recovery.signal'), 'pg_wal/RECOVERYXLOG');
      assert.match(readFileSync(delivered, 'utf8'), /^#/);
    });

    test('removes: a gap is no end of the archive, and a backup without its parts is not chosen', async () => {
      scene.repository.remove(scene.walKey(segment));
      const gap = await scene.fetch(segment);
      assert.equal(gap.exitCode, 212, gap.stderr);
      putBack();
      const part = scene.repository.keys(`${scene.backupPrefix}parts/`)[0] ?? '';
      scene.repository.remove(part);
      const { exitCode, text } = await scene.plan();
      assert.notEqual(exitCode, 0, text);
    });

    test('removes or replaces: without its marker a repository is none, and absence is not proven', async () => {
      const marker = 'walvault.json';
      for (const body of [undefined, '{"format":1,"id":"00000000-0000-4000-8000-000000000000"}', 'junk']) {
        if (body === undefined) scene.repository.remove(marker);
        else scene.repository.put(marker, body);
        const end = await scene.fetch('000000010000000000000050');
        assert.ok(Number(end.exitCode) >= 126, `${body}: ${end.exitCode} ${end.stderr}`);
        assert.notEqual((await scene.run(['cleanup', '--keep-last', '1'])).exitCode, 0);
      }
    });
  });
