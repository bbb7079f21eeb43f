/** Two repositories, limits and raw access, from the built executable: real segments, encrypted and signed. */
import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, test } from 'vitest';
import { errorCodes } from '../../src/base/errors/errors.ts';
import { findPostgresBinaries } from '../support/servers/postgres-binaries.ts';
import { bareEnvironment, runOk, type RunOptions } from '../support/site/run.ts';
import { startS3Server, type S3Server } from '../support/servers/s3/server.ts';
import { createSite, type Site } from '../support/site/site.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import { giveToUnprivileged } from '../support/site/unprivileged.ts';
import { runWalvault, walvaultExecutable } from '../support/site/walvault.ts';

const segment = '000000010000000000000001';
let s3: S3Server;
let site: Site;
let dataDirectory: string;
let key: string;

async function walvault(args: readonly string[], options: RunOptions = {}) {
  return await site.walvault(args, { cwd: dataDirectory, ...options });
}

async function walvaultOk(args: readonly string[], options: RunOptions = {}) {
  const result = await walvault(args, options);
  assert.equal(result.exitCode, 0, `${args.join(' ')}: ${result.stderr}`);
  return result;
}

beforeAll(async () => {
  s3 = await startS3Server();
  site = await createSite();
  dataDirectory = join(temporaryDirectory('cluster'), 'data');
  await runOk(join(findPostgresBinaries(), 'initdb'), ['-D', dataDirectory, '-A', 'trust', '-N']);
  const credentials = `access-key-id = "${s3.accessKeyId}"\nsecret-access-key = "${s3.secretAccessKey}"`;
  const other = join(site.directory, 'other.toml');
  await runOk(
    walvaultExecutable(),
    ['init', '--config', other, '--cluster', 'orders', '--repository', s3.url, '--no-encryption'],
    {
      cwd: site.directory,
      env: {
        PATH: '/usr/bin:/bin',
        AWS_ACCESS_KEY_ID: s3.accessKeyId,
        AWS_SECRET_ACCESS_KEY: s3.secretAccessKey,
      },
    },
  );
  appendFileSync(
    site.configPath,
    `\n[[repository]]\nname = "offsite"\nurl = "${s3.url}"\nrequired = false\n${credentials}\n`,
  );
  giveToUnprivileged(site.directory);
  const systemId = /Database system identifier:\s+(\d+)/.exec(
    (await runOk(join(findPostgresBinaries(), 'pg_controldata'), [dataDirectory])).stdout,
  )?.[1];
  key = `orders/${systemId}/wal/00000001/00000000/${segment}`;
});
afterAll(() => s3.close());

test('a push while the best-effort repository is down succeeds, its backlog shows, and copy closes it', async () => {
  s3.faults.inject({ effect: { kind: 'answer', status: 403, code: 'AccessDenied' }, times: 999 });
  const pushed = await walvaultOk(['push', `pg_wal/${segment}`]);
  assert.match(pushed.stderr, /best-effort repository "offsite": .*403 AccessDenied/);
  s3.faults.clear();
  const listed = await walvaultOk(['list']);
  assert.match(listed.stdout, new RegExp(`lacks of what "main" holds:\n  WAL ${segment} `));
  const planned = await walvaultOk(['copy', '--from', 'main', '--to', 'offsite', '--dry-run', '--json']);
  const copied = await walvaultOk(['copy', '--from', 'main', '--to', 'offsite', '--json']);
  const objectsOf = (text: string) => (JSON.parse(text) as { copied: { objects: number } }).copied.objects;
  assert.equal(objectsOf(copied.stdout), objectsOf(planned.stdout));
  assert.match((await walvaultOk(['list'])).stdout, /lacks nothing that "main" holds/);
});

test('store get gives the bytes as they lie there, and decoded the segment itself, with its signer', async () => {
  const plain = readFileSync(join(dataDirectory, 'pg_wal', segment));
  for (const repository of ['main', 'offsite']) {
    const choice = ['--repository', repository, key];
    const decoded = await walvaultOk(['store', 'get', '--decode', ...choice]);
    assert(decoded.stdoutBytes.equals(plain));
    assert.match(decoded.stderr, /signed by [0-9a-f]{40}/i);
    const raw = await walvaultOk(['store', 'get', ...choice]);
    assert((raw.stdoutBytes[0] ?? 0) >= 0x80 && !raw.stdoutBytes.equals(plain));
    const { sizeBytes, metadata } = JSON.parse(
      (await walvaultOk(['store', 'stat', '--json', ...choice])).stdout,
    ) as { sizeBytes: number; metadata: Record<string, string> };
    assert.equal(sizeBytes, raw.stdoutBytes.length);
    assert.equal(metadata['size'], String(plain.length));
  }
  const closed = await runOk('/bin/sh', [
    '-c',
    `${site.command(`store get --repository main ${key}`)} | head -c 4 | wc -c`,
  ]);
  assert.equal(closed.stdout.trim(), '4');
});

test('a command whose result could not be written fails', async () => {
  const choice = '--repository main';
  for (const line of [`store get ${choice} ${key}`, `store ls ${choice} -r`, 'list --json', 'config show']) {
    const script = `${site.command(line)} > /dev/full; echo "$?"`;
    const { stdout, stderr } = await runOk('/bin/sh', ['-c', script]);
    assert.equal(stdout, `${errorCodes['local-io']}\n`, line);
    assert.match(stderr, /write standard output: no space left on device/, line);
  }
});

test('store ls goes level by level, or all the way', async () => {
  const list = async (...args: string[]) =>
    (await walvaultOk(['store', 'ls', '--repository', 'offsite', ...args])).stdout;
  assert.equal(await list(), 'orders/\nwalvault.json\n');
  assert.match(await list('-r'), new RegExp(`^${key}$`, 'm'));
  assert.match(await list('-l', 'walvault'), /^ +\d+ {2}\d{4}-.*Z {2}walvault\.json\n$/);
  assert.equal(await list('--start-after', 'p', '-r'), 'walvault.json\n');
  assert.deepEqual(JSON.parse(await list('--json', 'nothing')), []);
  assert.deepEqual(JSON.parse(await list('--json', 'ord')), [{ prefix: 'orders/' }]);
});

test('store put never replaces, rm refuses what the format needs, and both say why', async () => {
  const choice = ['--repository', 'main'];
  const path = join(site.directory, 'note.txt');
  writeFileSync(path, 'by hand\n', { mode: 0o644 });
  const put = (to: string, ...more: string[]) => walvault(['store', 'put', ...choice, ...more, to, path]);
  assert.equal((await put('hand/note')).exitCode, 0);
  assert.equal((await put('hand/note')).exitCode, errorCodes.conflict);
  assert.equal((await put(key)).exitCode, errorCodes.refused);
  assert.equal((await put(key, '--force')).exitCode, errorCodes.conflict);
  assert.equal((await walvaultOk(['store', 'get', ...choice, 'hand/note'])).stdout, 'by hand\n');
  const refused = await walvault(['store', 'rm', ...choice, 'hand/note', key]);
  assert.equal(refused.exitCode, errorCodes.refused);
  assert.match(refused.stderr, /WAL segment 000000010000000000000001: no recovery .* gets past it/);
  await walvaultOk(['store', 'get', ...choice, 'hand/note']);
  await walvaultOk(['store', 'rm', ...choice, 'hand/note']);
  assert.equal((await walvault(['store', 'stat', ...choice, 'hand/note'])).exitCode, errorCodes['not-found']);
  const forced = await walvaultOk(['store', 'rm', ...choice, '--force', key]);
  assert.match(forced.stderr, /WARNING: removing .*no recovery/);
  await walvaultOk(['copy', '--from', 'offsite', '--to', 'main']);
  await walvaultOk(['store', 'get', ...choice, '--decode', key]);
  assert.equal((await walvault(['store', 'ls'])).exitCode, errorCodes.usage);
});

test('verify is silent about a sound archive, names what is missing, and repairs it from the other repository', async () => {
  const sound = await walvaultOk(['verify', '--read-data']);
  assert.equal(sound.stdout + sound.stderr, '');
  rmSync(join(site.repositoryPath, `${key.split('/wal/')[0]}/cluster.json`));
  const damaged = await walvault(['verify', '--repository', 'main']);
  assert.equal(damaged.exitCode, errorCodes.damaged);
  assert.match(
    damaged.stdout,
    /^DAMAGED {2}repository main: .*cluster\.json: .*\(cluster-record-missing\)\n +LOST: /,
  );
  const repaired = await walvaultOk(['verify', '--repair']);
  assert.match(repaired.stdout, /REPAIR: {2}brought back from repository "offsite"/);
  assert.equal((await walvaultOk(['verify', '--read-data'])).stdout, '');
});

test('fetch passes over a repository that takes connections and never answers, and says which', async () => {
  const silent = createServer(() => undefined);
  await new Promise<void>(resolve => silent.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = silent.address() as AddressInfo;
    const url = `s3://b/p?region=us-east-1&path-style=true&endpoint=${encodeURIComponent(`http://127.0.0.1:${port}`)}`;
    const first = `[[repository]]\nname = "silent"\nurl = "${url}"\naccess-key-id = "a"\nsecret-access-key = "s"\n\n`;
    const config = join(site.directory, 'silent-first.toml');
    const text = readFileSync(site.configPath, 'utf8');
    writeFileSync(
      config,
      text.replace('[[repository]]', () => `${first}[[repository]]`),
      { mode: 0o600 },
    );
    giveToUnprivileged(site.directory);
    for (const [signalFile, timeoutMs] of [
      ['recovery.signal', 12_000],
      ['standby.signal', 8000],
    ] as const) {
      writeFileSync(join(dataDirectory, signalFile), '');
      const env = {
        ...bareEnvironment,
        ...site.readerEnv,
        WALVAULT_FETCH_TIMEOUT: '12s',
        WALVAULT_FETCH_STANDBY_TIMEOUT: '8s',
      };
      const fetched = await runWalvault(['fetch', segment, 'pg_wal/RECOVERYXLOG'], {
        cwd: dataDirectory,
        config,
        env,
      });
      rmSync(join(dataDirectory, signalFile));
      assert.equal(fetched.exitCode, 0, fetched.stderr);
      assert.match(fetched.stderr, /WARNING: repository "silent": fetch \w+: no answer within/);
      assert.ok(fetched.elapsedMs < timeoutMs, `${fetched.elapsedMs} ms`);
      const [delivered, original] = ['RECOVERYXLOG', segment].map(name =>
        readFileSync(join(dataDirectory, 'pg_wal', name)),
      );
      assert.ok(original !== undefined && delivered?.equals(original));
    }
  } finally {
    silent.close();
  }
});

test('a rate that is set is held', async () => {
  const body = join(site.directory, 'body');
  writeFileSync(body, Buffer.alloc(1024 ** 2, 1), { mode: 0o644 });
  const put = (name: string, env: Record<string, string>) =>
    walvaultOk(['store', 'put', '--repository', 'main', name, body], {
      env: { ...env, PATH: '/usr/bin:/bin' },
    });
  const { elapsedMs } = await put('slow', { WALVAULT_STORE_LIMIT_RATE_UPLOAD: '512KiB' });
  assert(elapsedMs > 1800, String(elapsedMs));
});
