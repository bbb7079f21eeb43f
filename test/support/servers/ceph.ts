/**
 * A real Ceph RADOS Gateway on this machine: one monitor, one object store in a file, one gateway, on free ports of
 * 127.0.0.1, stopped with the process. Debian: ceph-mon, ceph-osd, radosgw.
 */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onExit } from '../site/on-exit.ts';
import { freePort } from './ports.ts';
import { runOk } from '../site/run.ts';
import { temporaryDirectory } from '../site/temp.ts';

export interface CephGateway {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Ceph's major version: 16 is Pacific, 18 Reef, 20 Tentacle. */
  readonly version: number;
  /** Another account, which has no rights on the buckets of the first but what a policy grants. */
  readonly stranger: { readonly arn: string; readonly accessKeyId: string; readonly secretAccessKey: string };
  close(): Promise<void>;
}

const tools = ['ceph', 'ceph-mon', 'ceph-osd', 'radosgw', 'radosgw-admin', 'monmaptool', 'ceph-authtool'];
const startTimeoutMs = 60_000;

/** The programs that are missing, by name. */
export function missingCephTools(): string[] {
  return tools.filter(tool => spawnSync(tool, ['--version'], { stdio: 'ignore' }).error !== undefined);
}

export async function startCeph(): Promise<CephGateway> {
  const directory = temporaryDirectory('ceph', { keepOwner: true });
  for (const name of ['mon', 'osd', 'run']) mkdirSync(join(directory, name));
  const ports = { mon: await freePort(), monOld: await freePort(), gateway: await freePort() };
  const fsid = randomUUID();
  const config = join(directory, 'ceph.conf');
  const keyring = join(directory, 'keyring');
  writeFileSync(config, configuration(directory, fsid, ports));
  const use = (program: string, ...args: string[]) =>
    runOk(program, args, { as: 'self', timeoutMs: startTimeoutMs });
  const ceph = (...args: string[]) => use('ceph', '-c', config, '--connect-timeout', '20', ...args);

  await makeKeys(use, keyring);
  const monmap = join(directory, 'monmap');
  const monAddress = `[v2:127.0.0.1:${ports.mon},v1:127.0.0.1:${ports.monOld}]`;
  await use('monmaptool', '--create', '--fsid', fsid, '--addv', 'a', monAddress, monmap);
  await use('ceph-mon', '-c', config, '-i', 'a', '--mkfs', '--monmap', monmap, '--keyring', keyring);
  const mon = new Daemon('ceph-mon', ['-c', config, '-i', 'a', '-f'], directory);

  const osdId = randomUUID();
  await ceph('osd', 'new', osdId);
  await use('ceph-osd', '-c', config, '-i', '0', '--mkfs', '--osd-uuid', osdId);
  await ceph('osd', 'crush', 'add', 'osd.0', '1.0', 'root=default', 'host=test');
  const osd = new Daemon('ceph-osd', ['-c', config, '-i', '0', '-f'], directory);
  await until('the object store is up', [mon, osd], async () =>
    / 1 up/.test((await ceph('osd', 'stat')).stdout),
  );

  const owner = await makeUser(use, config, 'walvault');
  const stranger = await makeUser(use, config, 'stranger');
  const gateway = new Daemon('radosgw', ['-c', config, '-n', 'client.rgw', '-f'], directory);
  const endpoint = `http://127.0.0.1:${ports.gateway}`;
  await until('the gateway answers', [mon, osd, gateway], async () => (await fetch(endpoint)).ok);

  const { stdout } = await use('radosgw', '--version');
  return {
    endpoint,
    ...owner,
    version: Number(/ceph version (\d+)/.exec(stdout)?.[1]),
    stranger: { ...stranger, arn: 'arn:aws:iam:::user/stranger' },
    async close() {
      for (const daemon of [gateway, osd, mon]) await daemon.stop();
    },
  };
}

type Use = (program: string, ...args: string[]) => Promise<{ readonly stdout: string }>;

async function makeKeys(use: Use, keyring: string): Promise<void> {
  const names: [name: string, capabilities: Record<string, string>][] = [
    ['mon.', { mon: 'allow *' }],
    ['client.admin', { mon: 'allow *', osd: 'allow *', mgr: 'allow *' }],
    ['client.rgw', { mon: 'allow rw', osd: 'allow rwx' }],
    ['osd.0', { mon: 'allow profile osd', osd: 'allow *' }],
  ];
  for (const [index, [name, capabilities]] of names.entries()) {
    const caps = Object.entries(capabilities).flatMap(([daemon, text]) => ['--cap', daemon, text]);
    const create = index === 0 ? ['--create-keyring'] : [];
    await use('ceph-authtool', ...create, keyring, '--gen-key', '-n', name, ...caps);
  }
}

async function makeUser(use: Use, config: string, name: string) {
  const accessKeyId = `AKIA${name.toUpperCase()}`;
  const secretAccessKey = `${randomUUID()}/+`;
  await use(
    'radosgw-admin',
    ...['-c', config, 'user', 'create', `--uid=${name}`, `--display-name=${name}`],
    ...[`--access-key=${accessKeyId}`, `--secret-key=${secretAccessKey}`],
  );
  return { accessKeyId, secretAccessKey };
}

/** Copies: one. No manager daemon: nothing here needs statistics. */
function configuration(
  directory: string,
  fsid: string,
  ports: { readonly mon: number; readonly monOld: number; readonly gateway: number },
): string {
  return `[global]
fsid = ${fsid}
mon_host = [v2:127.0.0.1:${ports.mon},v1:127.0.0.1:${ports.monOld}]
keyring = ${directory}/keyring
auth_allow_insecure_global_id_reclaim = false
run_dir = ${directory}/run
admin_socket = ${directory}/run/$name.asok
log_file = ${directory}/$name.log
mon_cluster_log_file = ${directory}/cluster.log
crash_dir = ${directory}/run
osd_pool_default_size = 1
osd_pool_default_min_size = 1
mon_allow_pool_size_one = true
osd_crush_chooseleaf_type = 0
osd_pool_default_pg_num = 1
osd_pool_default_pg_autoscale_mode = off
mon_max_pg_per_osd = 1000
paxos_propose_interval = 0.05
mon_osd_prime_pg_temp = false
osd_mon_report_interval = 1
mon_data_avail_warn = 2
mon_data_avail_crit = 1
ms_bind_ipv4 = true
rgw_data = ${directory}
# Without tcp_nodelay each answer waits for a delayed acknowledgement.
rgw_frontends = beast endpoint=127.0.0.1:${ports.gateway} tcp_nodelay=1
rgw_enable_usage_log = false
# Server-side encryption with a customer's key would want TLS, and managed keys a key server: this stands for one.
rgw_crypt_require_ssl = false
rgw_crypt_s3_kms_backend = testing
rgw_crypt_s3_kms_encryption_keys = test-key=${randomBytes(32).toString('base64')}
[mon.a]
mon_data = ${directory}/mon
[osd.0]
osd_data = ${directory}/osd
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
bluestore_block_create = true
bluestore_block_size = 4294967296
osd_memory_target = 939524096
bluestore_cache_autotune = false
bluestore_cache_size = 134217728
`;
}

class Daemon {
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #output: string;
  readonly #forget: () => void;

  constructor(program: string, args: readonly string[], directory: string) {
    this.#name = program;
    this.#output = join(directory, `${program}.out`);
    const output = openSync(this.#output, 'a');
    this.#child = spawn(program, args, { cwd: directory, stdio: ['ignore', output, output] });
    closeSync(output);
    this.#child.on('error', () => undefined);
    this.#forget = onExit(() => this.#child.kill('SIGKILL'));
  }

  /** Throws with its own words if it has ended. */
  assertRunning(): void {
    const { exitCode, signalCode } = this.#child;
    if (exitCode === null && signalCode === null) return;
    throw new Error(`${this.#name} ended: ${readFileSync(this.#output, 'utf8').slice(-2000)}`);
  }

  async stop(): Promise<void> {
    const ended = new Promise(resolve => this.#child.once('close', resolve));
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    // Nothing in it is kept: a clean shutdown would only cost time.
    this.#forget();
    await ended;
  }
}

async function until(
  what: string,
  daemons: readonly Daemon[],
  isTrue: () => Promise<boolean>,
): Promise<void> {
  const deadline = performance.now() + startTimeoutMs;
  for (;;) {
    for (const daemon of daemons) daemon.assertRunning();
    if (await isTrue().catch(() => false)) return;
    if (performance.now() > deadline) throw new Error(`waited ${startTimeoutMs} ms in vain: ${what}`);
    await sleep(200);
  }
}
