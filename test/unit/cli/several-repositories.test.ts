/** Settings, stores and verbs together: two repositories, directories or the S3 imitation, through the command tree. */
import assert from 'node:assert/strict';
import { writeFileSync, rmSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { errorCodes } from '../../../src/base/errors/errors.ts';
import { runCli } from '../../../src/cli/program.ts';
import { findPostgresBinaries } from '../../support/servers/postgres-binaries.ts';
import { runOk } from '../../support/site/run.ts';
import { startS3Server, type S3Server } from '../../support/servers/s3/server.ts';
import { temporaryDirectory } from '../../support/site/temp.ts';
import { withEnvironment } from '../../support/site/environment.ts';

const directory = temporaryDirectory('several');
/** As root takes secrets from it: nobody else's. */
const configDirectory = temporaryDirectory('several-config', { keepOwner: true });
const dataDirectory = join(directory, 'data');
const walDirectory = join(dataDirectory, 'pg_wal');
const [first, second] = [join(directory, 'first'), join(directory, 'second')];
let s3: S3Server;
let files = 1;

async function walvault(repositories: string, ...argv: string[]) {
  const config = join(configDirectory, 'walvault.toml');
  writeFileSync(
    config,
    `cluster = "orders"\ndata-directory = "${dataDirectory}"\nencryption.mode = "none"\narchive.timeout = "1s"\n${repositories}`,
    { mode: 0o600 },
  );
  let [stdout, stderr] = ['', ''];
  const status = await runCli(['--config', config, ...argv], {
    signal: AbortSignal.timeout(60_000),
    env: { PATH: process.env['PATH'] },
    stdout: text => void (stdout += text),
    stderr: text => void (stderr += text),
    isTty: false,
  });
  return { status, stdout, stderr };
}

const repository = (name: string, url: string, more = '') =>
  `[[repository]]\nname = "${name}"\nurl = "${url}"\n${more}\n`;
const main = repository('main', `file://${first}`);
const offsite = repository('offsite', `file://${second}`);
const lost = repository(
  'lost',
  's3://b/p?endpoint=http%3A%2F%2F127.0.0.1%3A1',
  'access-key-id = "x"\nsecret-access-key = "y"',
);
const unopened = repository('unopened', 's3://b?region=x', 'ca-file = "/nonexistent.pem"');
const inS3 = (parameters = '', more = '') =>
  repository(
    's3',
    `${s3.url}${parameters}`,
    `access-key-id = "${s3.accessKeyId}"\nsecret-access-key = "${s3.secretAccessKey}"\n${more}`,
  );

/** A history: the smallest file that can be archived. */
function newFile(): string {
  const path = join(walDirectory, `${(++files).toString(16).toUpperCase().padStart(8, '0')}.history`);
  writeFileSync(path, `1\t0/${files}000000\tpromoted\n`);
  return path;
}

async function historiesIn(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true });
  return entries
    .filter(name => name.endsWith('.history'))
    .map(name => name.slice(-16))
    .toSorted();
}

beforeAll(async () => {
  s3 = await startS3Server();
  await runOk(join(findPostgresBinaries(), 'initdb'), ['-D', dataDirectory, '-A', 'trust', '-N']);
  const init = (name: string, url: string, env: Record<string, string> = {}) =>
    runCli(
      [
        '--config',
        join(directory, `${name}.toml`),
        'init',
        '--cluster',
        'orders',
        '--repository',
        url,
        '--create-directory',
        '--no-encryption',
        '--data-directory',
        dataDirectory,
      ],
      {
        signal: AbortSignal.timeout(60_000),
        env,
        stdout: () => undefined,
        stderr: () => undefined,
        isTty: false,
      },
    );
  assert.equal(await init('first', `file://${first}`), 0);
  assert.equal(await init('second', `file://${second}`), 0);
  const credentials = { AWS_ACCESS_KEY_ID: s3.accessKeyId, AWS_SECRET_ACCESS_KEY: s3.secretAccessKey };
  await withEnvironment(credentials, async () => assert.equal(await init('s3', s3.url), 0));
});
afterAll(() => s3.close());

describe('push to several repositories', () => {
  for (const [what, broken] of [
    ['does not answer', lost],
    ['cannot be opened', unopened],
  ] as const) {
    test(`a required one that ${what} makes push fail, and the others receive the file`, async () => {
      const path = newFile();
      const { status, stderr } = await walvault(broken + main + offsite, 'push', path);
      assert(status !== 0 && status <= 125, stderr);
      for (const root of [first, second]) assert((await historiesIn(root)).includes(path.slice(-16)), stderr);
    });

    test(`a best-effort one that ${what} is a warning, and its backlog is visible`, async () => {
      const bestEffort = broken.replace('\nurl', '\nrequired = false\nurl');
      const { status, stderr } = await walvault(bestEffort + main, 'push', newFile());
      assert.equal(status, 0, stderr);
      assert.match(stderr, /WARNING: .*best-effort repository "(lost|unopened)"/);
      const listed = await walvault(bestEffort + main, 'list', '--json');
      assert.notEqual(listed.status, 0);
      const [own] = JSON.parse(listed.stdout) as [{ backlog: unknown; problem: string }];
      assert.equal(own.backlog, null);
      assert.notEqual(own.problem, null);
    });
  }

  test('what a best-effort one missed is listed, and copy brings it', async () => {
    const bestEffort = inS3('', 'required = false');
    assert.equal((await walvault(main, 'push', newFile())).status, 0);
    const before = await walvault(main + bestEffort, 'list');
    assert.match(before.stdout, /lacks of what "main" holds:\n {2}the history of timeline \d/);
    const copied = await walvault(main + bestEffort, 'copy', '--from', 'main', '--to', 's3', '--json');
    assert.equal(copied.status, 0, copied.stderr);
    const { traffic, conflicts } = JSON.parse(copied.stdout) as { traffic: unknown[]; conflicts: unknown[] };
    assert.equal(traffic.length, 2);
    assert.deepEqual(conflicts, []);
    assert.match((await walvault(main + bestEffort, 'list')).stdout, /lacks nothing that "main" holds/);
  });

  test('a conflict in the target is status 8, and nothing there is replaced', async () => {
    const path = newFile();
    assert.equal((await walvault(main, 'push', path)).status, 0);
    writeFileSync(path, '1\t0/F000000\tanother\n');
    assert.equal((await walvault(offsite, 'push', path)).status, 0);
    const { status, stderr } = await walvault(main + offsite, 'copy', '--from', 'main', '--to', 'offsite');
    assert.equal(status, errorCodes.conflict, stderr);
    assert.match(stderr, new RegExp(path.slice(-16)));
    rmSync(path);
  });

  test('fetch goes on to the next repository', async () => {
    const path = newFile();
    assert.equal((await walvault(offsite, 'push', path)).status, 0);
    const destination = join(walDirectory, 'RECOVERYHISTORY');
    for (const config of [main + offsite, lost + offsite, unopened + offsite])
      assert.equal((await walvault(config, 'fetch', path.slice(-16), destination)).status, 0);
  });

  test('-v says at the end what went to and from each', async () => {
    const { stderr } = await walvault(main + offsite, '-v', 'push', newFile());
    assert.match(stderr, /repository "main": \d+ requests \(\d+ with an error\), \d+ B sent, \d+ B received/);
    assert.match(stderr, /repository "offsite": \d+ requests/);
  });
});

describe('stores without conditional writes', () => {
  test('push warns once what is lost, and refuses to replace what is there', async () => {
    const bare = await startS3Server({ conditions: 'not-implemented' });
    const config = (parameters: string) =>
      repository(
        'bare',
        `${bare.url}${parameters}`,
        `access-key-id = "${bare.accessKeyId}"\nsecret-access-key = "${bare.secretAccessKey}"\n`,
      );
    const path = newFile();
    const refused = await walvault(config(''), 'check');
    assert.equal(refused.status, errorCodes['check-failed']);
    bare.contents.put(
      'repository/walvault.json',
      { data: Buffer.from('{"format":1,"id":"x"}'), metadata: {}, storageClass: 'STANDARD' },
      false,
    );
    const strict = await walvault(config(''), 'push', path);
    assert.notEqual(strict.status, 0);
    assert.match(strict.stderr, /501 NotImplemented[^]*conditional-create=none/);
    const told = await walvault(config('&conditional-create=none'), 'push', path);
    assert.equal(told.status, 0, told.stderr);
    assert.equal(told.stderr.match(/later one wins unnoticed/g)?.length, 1);
    writeFileSync(path, '1\t0/F000000\tanother\n');
    assert.equal(
      (await walvault(config('&conditional-create=none'), 'push', path)).status,
      errorCodes.conflict,
    );
    const checked = await walvault(config('&conditional-create=none'), 'check');
    assert.match(checked.stdout, /warn {2}repository bare: .*looked up before it is written/);
    await bare.close();
    rmSync(path);
  });

  test('check finds a service that ignores the condition, by trying', async () => {
    const careless = await startS3Server({ conditions: 'ignored' });
    careless.contents.put(
      'repository/walvault.json',
      { data: Buffer.from('{"format":1,"id":"x"}'), metadata: {}, storageClass: 'STANDARD' },
      false,
    );
    const config = repository(
      'careless',
      careless.url,
      `access-key-id = "${careless.accessKeyId}"\nsecret-access-key = "${careless.secretAccessKey}"\n`,
    );
    const { status, stdout } = await walvault(config, 'check');
    assert.equal(status, errorCodes['check-failed']);
    assert.match(
      stdout,
      /FAIL {2}repository careless: of 4 that created one key at the same time \d succeeded/,
    );
    assert.match(stdout, /conditional-create=none/);
    await careless.close();
  });
});

describe('limits', () => {
  test('a permanent refusal is told at once, in the words of the service', async () => {
    s3.faults.inject({ effect: { kind: 'answer', status: 403, code: 'AccessDenied' }, times: 99 });
    const before = s3.requests.length;
    const { status, stderr } = await walvault(inS3(), 'list');
    s3.faults.clear();
    assert.equal(status, errorCodes.denied);
    assert.match(stderr, /403 AccessDenied/);
    assert.equal(s3.requests.length, before + 1);
  });

  test('a service that asks to slow down is waited for until the deadline of the caller', async () => {
    const slowDown = { kind: 'answer', status: 503, code: 'SlowDown' } as const;
    s3.faults.inject({ method: 'PUT', effect: { ...slowDown, headers: { 'retry-after': '0' } }, times: 3 });
    const { status, stderr } = await walvault(inS3(), 'push', newFile());
    assert.equal(status, 0, stderr);
    s3.faults.inject({ effect: slowDown, times: 9999 });
    const late = await walvault(inS3(), 'push', newFile());
    s3.faults.clear();
    assert.equal(late.status, errorCodes.unreachable);
    assert.match(late.stderr, /503 SlowDown/);
  });
});
