import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, test } from 'vitest';
import { WalGeometry } from '../../src/postgres/wal/geometry.ts';
import type { ByteStream } from '../../src/base/bytes/streams.ts';
import { walEventOf, type WalEvent } from '../../src/postgres/wal/commit-record.ts';
import { formatLsn, parseLsn, type Lsn } from '../../src/postgres/wal/lsn.ts';
import { readWalRecords } from '../../src/postgres/wal/record-reader.ts';
import { scanForTarget, scanSegment, type WalTarget } from '../../src/postgres/wal/segment-scan.ts';
import { startPostgres, type PostgresServer } from '../support/servers/postgres-server.ts';

/** What the server itself says about its WAL: the extension pg_walinspect, which has PostgreSQL's own reader below. */
interface InspectedRecord {
  start_lsn: string;
  end_lsn: string;
  xid: string;
  resource_manager: string;
  record_type: string;
  main_data_length: number;
  description: string;
}

for (const segmentMegabytes of [1, 16, 64]) {
  describe(`WAL in segments of ${segmentMegabytes} MB`, () => {
    const geometry = new WalGeometry(segmentMegabytes * 1024 ** 2);
    let server: PostgresServer;
    let inspected: InspectedRecord[];
    let startLsn: Lsn;
    let endLsn: Lsn;

    beforeAll(async () => {
      server = await startPostgres({
        initdbArgs: [`--wal-segsize=${segmentMegabytes}`],
        conf: {
          wal_level: 'logical',
          max_prepared_transactions: '10',
          max_replication_slots: '5',
          wal_compression: 'pglz',
          wal_keep_size: '1GB',
          max_wal_size: '2GB',
        },
      });
      await server.query('create extension pg_walinspect');
      // pg_walinspect wants a valid record's start; the first one after a switch is easy to name.
      await server.query('select pg_switch_wal()');
      const position = await server.query<{ lsn: string }>('select pg_current_wal_lsn()::text as lsn');
      startLsn = geometry.startLsn(geometry.segmentOf(parseLsn(position[0]?.lsn ?? '')));
      await makeVariedWal(server, segmentMegabytes);
      const end = await server.query<{ lsn: string }>('select pg_current_wal_flush_lsn()::text as lsn');
      endLsn = parseLsn(end[0]?.lsn ?? '');
      inspected = await server.query<InspectedRecord>(
        `select start_lsn::text, end_lsn::text, xid::text, resource_manager, record_type, main_data_length, description
         from pg_get_wal_records_info($1, $2)`,
        [formatLsn(startLsn + 40n), formatLsn(endLsn)],
      );
      // A running server goes on writing; an immediate shutdown writes nothing more.
      await server.stop('immediate');
    });

    const segments = (from: Lsn): string[] => {
      const paths: string[] = [];
      const last = geometry.lastSegmentBefore(endLsn);
      for (let number = geometry.segmentOf(from); number <= last; number++)
        paths.push(join(server.dataDirectory, 'pg_wal', geometry.nameOf(1, number)));
      return paths;
    };

    const read = (pieceBytes: number, from = startLsn) =>
      readWalRecords(piecesOf(segments(from), pieceBytes), { startLsn: from, geometry });

    test('every record is the one the server reads', async () => {
      const records: string[] = [];
      for await (const record of read(1024 ** 2)) {
        if (record.lsn >= endLsn) break;
        const isWanted = record.resourceManager <= 1;
        const data = isWanted ? record.data.length : '-';
        records.push([formatLsn(record.lsn), formatLsn(record.endLsn), record.transactionId, data].join(' '));
      }
      const expected = inspected.map(record => {
        const isWanted = record.resource_manager === 'XLOG' || record.resource_manager === 'Transaction';
        const data = isWanted ? record.main_data_length : '-';
        return [record.start_lsn, record.end_lsn, record.xid, data].join(' ');
      });
      assert.ok(expected.length > 2000, `only ${expected.length} records`);
      assert.deepEqual(records, expected);
    });

    test('commits, aborts, prepared transactions, restore points and switches are the ones the server describes', async () => {
      const events: string[] = [];
      for await (const record of read(100_000)) {
        const event = record.lsn < endLsn ? walEventOf(record) : undefined;
        if (event !== undefined) events.push(describeEvent(event));
      }
      const expected = inspected.flatMap(describeInspected);
      assert.deepEqual(events, expected);
      for (const kind of ['commit', 'abort', 'restore-point', 'switch'])
        assert.ok(
          expected.some(line => line.startsWith(kind)),
          `no ${kind}`,
        );
    });

    test('reading may begin at any segment, also inside a record', async () => {
      const first = geometry.segmentOf(startLsn);
      const last = geometry.lastSegmentBefore(endLsn);
      for (let number = first; number <= last && number < first + 12n; number++) {
        const from = geometry.startLsn(number);
        const next = inspected.find(record => parseLsn(record.start_lsn) >= from);
        const records = read(65_536, from);
        const { value } = await records.next();
        await records.return(undefined);
        assert.equal(value === undefined ? undefined : formatLsn(value.lsn), next?.start_lsn);
      }
    });

    test('a scan finds the last commit and each kind of target, and says when there is none', async () => {
      const scan = await scanSegment(piecesOf(segments(startLsn), 1024 ** 2), { startLsn, geometry });
      const ends = inspected.flatMap(describeInspected).filter(line => /^(commit|abort)/.test(line));
      assert.equal(scan.commits + scan.aborts, ends.length);
      const times = ends.map(line => BigInt(line.split(' ')[1] ?? 0)).toSorted((a, b) => (a < b ? -1 : 1));
      assert.equal(scan.firstCommitTimeMicros, times[0]);
      assert.equal(scan.lastCommitTimeMicros, times.at(-1));
      assert.deepEqual(
        scan.restorePoints.map(point => point.name),
        ['before the accident', 'after'],
      );
      const find = async (target: WalTarget) =>
        (await scanForTarget(piecesOf(segments(startLsn), 1024 ** 2), { startLsn, geometry }, target))
          .reachedAt;
      const last = times.at(-1) ?? 0n;
      assert.equal(await find({ kind: 'time', timeMicros: last }), undefined);
      assert.equal((await find({ kind: 'time', timeMicros: last, inclusive: false }))?.timeMicros, last);
      assert.notEqual(await find({ kind: 'name', name: 'after' }), undefined);
      assert.equal(await find({ kind: 'name', name: 'never' }), undefined);
      assert.equal(await find({ kind: 'lsn', lsn: scan.endLsn }), undefined);
      const some = ends[Math.floor(ends.length / 2)]?.split(' ') ?? [];
      assert.equal(
        formatLsn((await find({ kind: 'xid', transactionId: Number(some[2]) }))?.lsn ?? 0n),
        some[3],
      );
    });
  });
}

async function makeVariedWal(server: PostgresServer, segmentMegabytes: number): Promise<void> {
  const run = async (...statements: string[]): Promise<void> => {
    const client = await server.connect();
    try {
      for (const statement of statements) await client.query(statement);
    } finally {
      await client.end();
    }
  };
  await run(
    'create table t (id serial primary key, body text)',
    'checkpoint',
    `insert into t (body) select repeat(md5(i::text), 1 + i % 200) from generate_series(1, 3000) i`,
    `select pg_create_restore_point('before the accident')`,
    // Records larger than a page, and than a 1 MB segment: one that compresses to nothing is stored as it is.
    `select pg_logical_emit_message(true, 'big', repeat('x', ${(segmentMegabytes === 1 ? 5 : 2) * 1024 ** 2}))`,
    'vacuum t',
  );
  // Top-level transaction ids in records, subtransactions in commits, dropped files, statistics, invalidations.
  await run(
    'begin',
    ...Array.from({ length: 70 }, (_, i) => [
      `savepoint s${i}`,
      `create table u${i} (id int primary key, body text)`,
      `insert into u${i} values (1, 'x')`,
      ...(i % 7 === 0 ? [`rollback to s${i}`] : []),
    ]).flat(),
    'commit',
  );
  await run('begin', `insert into t (body) values ('never')`, 'rollback');
  for (const [gid, end] of [
    ['first', 'commit'],
    ['second', 'rollback'],
  ])
    await run(
      'begin',
      `savepoint a`,
      `insert into t (body) values ('prepared ${gid}')`,
      'release a',
      'drop table u1',
      'create table made_in_prepared (id int)',
      `prepare transaction '${gid}'`,
      `${end} prepared '${gid}'`,
      ...(end === 'commit' ? ['create table u1 ()', 'drop table made_in_prepared'] : []),
    );
  await run(
    `select pg_replication_origin_create('elsewhere')`,
    `select pg_replication_origin_session_setup('elsewhere')`,
    'begin',
    `select pg_replication_origin_xact_setup('0/AAAAAA', now())`,
    `insert into t (body) values ('from elsewhere')`,
    'commit',
  );
  await run('select pg_switch_wal()', `insert into t (body) values ('after the switch')`);
  await run('checkpoint', `update t set body = body || 'y'`, `select pg_create_restore_point('after')`);
  await run('drop table t', 'select pg_switch_wal()');
  await run('create table last (id int)', 'insert into last values (1)', 'checkpoint');
}

/** The files' bytes one after the other, in pieces that do not respect pages, from one reused buffer. */
async function* piecesOf(paths: readonly string[], pieceBytes: number): ByteStream {
  const buffer = Buffer.alloc(pieceBytes);
  for (const path of paths) {
    const data = readFileSync(path);
    for (let at = 0; at < data.length; at += pieceBytes) {
      const copied = data.copy(buffer, 0, at, at + pieceBytes);
      yield buffer.subarray(0, copied);
    }
  }
}

function describeEvent(event: WalEvent): string {
  if (event.kind === 'switch') return `switch ${formatLsn(event.lsn)} ${formatLsn(event.endLsn)}`;
  if (event.kind === 'restore-point') return `restore-point ${event.name} ${formatLsn(event.lsn)}`;
  return `${event.kind} ${event.timeMicros} ${event.transactionId} ${formatLsn(event.lsn)}`;
}

function describeInspected(record: InspectedRecord): string[] {
  const { record_type: type, description, start_lsn: lsn } = record;
  if (type === 'SWITCH') return [`switch ${lsn} ${record.end_lsn}`];
  if (type === 'RESTORE_POINT') return [`restore-point ${description} ${lsn}`];
  if (!/^(COMMIT|ABORT)/.test(type)) return [];
  const prepared = /^(\d+): /.exec(description)?.[1];
  const time = /(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\.(\d{1,6})(?: UTC|\+00)/.exec(description);
  const seconds = BigInt(Date.parse(`${time?.[1]?.replace(' ', 'T')}Z`)) * 1000n;
  const micros = seconds + BigInt((time?.[2] ?? '0').padEnd(6, '0'));
  return [`${type.startsWith('COMMIT') ? 'commit' : 'abort'} ${micros} ${prepared ?? record.xid} ${lsn}`];
}
