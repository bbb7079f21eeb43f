/** `store thaw`, `store stat` and `list` of an archive that has cooled down, through the command tree. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { errorCodes } from '../../../src/base/errors/errors.ts';
import { Secret } from '../../../src/base/secret.ts';
import { runCli } from '../../../src/cli/program.ts';
import { openStore } from '../../../src/stores/open.ts';
import { archiveSegment, makeRepository, system } from '../../support/site/archive.ts';
import { startS3Server, type S3Server } from '../../support/servers/s3/server.ts';
import { temporaryDirectory } from '../../support/site/temp.ts';

describe('an archive in an archive tier', () => {
  const directory = temporaryDirectory('cold-tier', { keepOwner: true });
  const config = join(directory, 'walvault.toml');
  const wal = `orders/${system.systemId}/wal/`;
  let server: S3Server;

  beforeAll(async () => {
    server = await startS3Server();
    const { url, accessKeyId, secretAccessKey } = server;
    const keys = { accessKeyId: new Secret(accessKeyId), secretAccessKey: new Secret(secretAccessKey) };
    const store = await openStore({ url, ...keys });
    const repository = await makeRepository({ store });
    for (const number of [1n, 2n, 3n]) await archiveSegment(repository, 1, number);
    await store.close();
    server.contents.freeze(/00000[12]$/, 'GLACIER');
    const repositoryTable = `[[repository]]\nurl = "${url}"\naccess-key-id = { env = "KEY" }\nsecret-access-key = { env = "SECRET" }\n`;
    writeFileSync(config, `cluster = "orders"\n[encryption]\nmode = "none"\n${repositoryTable}`);
    writeFileSync(
      join(directory, 'directory.toml'),
      `cluster = "orders"\n[encryption]\nmode = "none"\n[[repository]]\nurl = "file://${directory}"\n`,
    );
  });
  afterAll(() => server.close());

  async function walvault(...argv: string[]) {
    let stdout = '';
    let stderr = '';
    const env = {
      WALVAULT_CONFIG: config,
      WALVAULT_FETCH_STANDBY_TIMEOUT: '100ms',
      KEY: server.accessKeyId,
      SECRET: server.secretAccessKey,
    };
    const status = await runCli(argv, {
      signal: AbortSignal.timeout(60_000),
      env,
      stdout: text => void (stdout += text),
      stderr: text => void (stderr += text),
      isTty: false,
    });
    return { status, stdout, stderr };
  }
  const frozen = `${wal}00000001/00000000/000000010000000000000001`;

  test('list names the tier and how many', async () => {
    const { status, stdout } = await walvault('list', 'wal');
    assert.equal(status, 0);
    assert.match(stdout, /^timeline 1 has 2 segments in GLACIER/m);
    const [json] = JSON.parse((await walvault('list', '--json')).stdout) as {
      systems: { timelines: { cold: object }[] }[];
    }[];
    assert.deepEqual(json?.systems[0]?.timelines[0]?.cold, { GLACIER: 2 });
  });

  test('store stat and fetch name it, and what to run', async () => {
    assert.match((await walvault('store', 'stat', frozen)).stdout, /^tier {6}GLACIER, must be thawed/m);
    const options = ['--system-id', String(system.systemId)];
    const read = await walvault('fetch', '000000010000000000000001', join(directory, 'x'), ...options);
    assert.equal(read.status, errorCodes['cold-tier'], read.stderr);
    assert.match(read.stderr, /in the archive tier GLACIER[^]*HINT: .*walvault store thaw orders\//);
  });

  test('store thaw: status 19 until all is there, then 0', async () => {
    const asked = await walvault('store', 'thaw', wal, '--days', '3', '--json');
    assert.equal(asked.status, errorCodes['cold-tier']);
    assert.deepEqual(JSON.parse(asked.stdout), { objects: 3, requested: 2, underWay: 0, readable: 1 });
    assert.match(asked.stderr, /2 objects are not there yet\nHINT:  Run it again later/);
    const again = await walvault('store', 'thaw', frozen);
    assert.equal(again.status, errorCodes['cold-tier']);
    assert.equal(again.stdout, '1 objects: 0 asked for now, 1 before, 0 can be read\n');
    assert.match((await walvault('store', 'stat', frozen)).stdout, /GLACIER, being thawed/);
    server.contents.finishThawing();
    const done = await walvault('store', 'thaw', wal);
    assert.equal(done.status, 0, done.stderr);
    assert.equal(done.stdout, '3 objects: 0 asked for now, 0 before, 3 can be read\n');
  });

  test('verify-tls = off is said, once a command', async () => {
    const trusting = join(directory, 'trusting.toml');
    writeFileSync(trusting, `${readFileSync(config, 'utf8')}verify-tls = "off"\n`);
    const { stderr } = await walvault('list', '--config', trusting);
    assert.equal(stderr.match(/certificate is verified \(verify-tls = off\)/g)?.length, 1);
    assert.doesNotMatch((await walvault('list')).stderr, /verify-tls/);
  });

  test('mistakes', async () => {
    assert.equal((await walvault('store', 'thaw', 'nothing/here')).status, errorCodes['not-found']);
    assert.equal((await walvault('store', 'thaw', wal, '--days', 'x')).status, errorCodes.usage);
    assert.equal((await walvault('store', 'thaw', wal, '--speed', 'fast')).status, errorCodes.usage);
    const none = await walvault('store', 'thaw', wal, '--config', join(directory, 'directory.toml'));
    assert.equal(none.status, errorCodes.usage);
    assert.match(none.stderr, /has no archive tier that must be thawed/);
  });
});
