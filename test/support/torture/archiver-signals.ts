/** Signals to the push that an archiver waits for: the server goes on, and in the end all its WAL is archived. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { readControlFile } from '../../../src/postgres/cluster/control-file.ts';
import type { PostgresServer } from '../servers/postgres-server.ts';
import { commitRows, until, type Site } from '../site/site.ts';
import { allArchived } from './all-archived.ts';
import { Auditor } from './audit.ts';

export interface SignalFigures {
  /** Signals that a running push received. */
  readonly sent: number;
  readonly archivedSegments: number;
  readonly archiverRestarts: number;
}

interface ArchiverState {
  readonly pid: number | null;
  readonly archived: number;
}

/**
 * As many signals as rounds. `SIGTERM` is sent once push listens for it, as to any program that has started; `SIGKILL` at
 * any moment. A push that is done before its signal is followed by another.
 */
export async function signalPushes(
  site: Site,
  server: PostgresServer,
  { signal, rounds }: { readonly signal: 'SIGTERM' | 'SIGKILL'; readonly rounds: number },
): Promise<SignalFigures> {
  const { systemId } = await readControlFile(server.dataDirectory, new AbortController().signal);
  const bystander = await server.connect();
  const backendPid = async () =>
    (await bystander.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]?.pid;
  const before = await backendPid();
  let archiver = (await archiverOf(server)).pid;
  let archiverRestarts = 0;
  let sent = 0;
  try {
    for (let push = 1; sent < rounds; push++) {
      assert.ok(push <= 20 * rounds, `${sent} of ${push} pushes were running when the signal came`);
      await commitRows(server, push, push);
      if (await signalRunningPush(site, signal)) sent++;
      await until('the archiver runs', async () => (await archiverOf(server)).pid !== null);
      const { pid } = await archiverOf(server);
      if (pid !== archiver) archiverRestarts++;
      archiver = pid;
    }
    await allArchived(server, 90_000);
    assert.equal(await backendPid(), before, 'a signal to push has ended a backend');
  } finally {
    await bystander.end();
  }
  assert.doesNotMatch(
    server.log(),
    /terminating any other active server processes|was not properly shut down/,
  );
  if (signal === 'SIGTERM') {
    assert.equal(archiverRestarts, 0, server.logTail());
    assert.match(server.log(), /archive command failed with exit code 18/);
    assert.doesNotMatch(server.log(), /archive command was terminated by signal/);
  }
  await new Auditor(site, systemId).audit();
  return { sent, archivedSegments: (await archiverOf(server)).archived, archiverRestarts };
}

async function archiverOf(server: PostgresServer): Promise<ArchiverState> {
  const [row] = await server.query<{ pid: number | null; archived: string }>(
    `select (select pid from pg_stat_activity where backend_type = 'archiver') as pid, archived_count as archived
     from pg_stat_archiver`,
  );
  return { pid: row?.pid ?? null, archived: Number(row?.archived ?? 0) };
}

/** Of a push without an agent. */
const usualPushMs = 100;

/** False when none was seen, or it was done before the signal came: the archiver had been faster. */
async function signalRunningPush(site: Site, signal: 'SIGTERM' | 'SIGKILL'): Promise<boolean> {
  const giveUpAt = performance.now() + 3000;
  while (performance.now() < giveUpAt) {
    const pid = runningPush(site);
    if (pid === undefined) {
      await delay(2);
      continue;
    }
    if (signal === 'SIGKILL') await delay(Math.random() * usualPushMs);
    else while (isAlive(pid) && !listensForSignals(pid)) await delay(1);
    try {
      process.kill(pid, signal);
      return true;
    } catch {
      return false;
    }
  }
  return false;
}

function runningPush(site: Site): number | undefined {
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const words = readOf(entry, 'cmdline').split('\0');
    if (words[0]?.endsWith('/walvault') === true && words.includes(site.configPath) && words.includes('push'))
      return Number(entry);
  }
  return undefined;
}

function isAlive(pid: number): boolean {
  return /^State:\s+[^Z]/m.test(readOf(String(pid), 'status'));
}

/** The kernel lists the signals a process catches (proc(5), SigCgt). SIGTERM has a handler of Node itself before ours. */
function listensForSignals(pid: number): boolean {
  const caught = /^SigCgt:\s+([0-9a-f]+)$/m.exec(readOf(String(pid), 'status'))?.[1];
  const quitBit = 1n << 2n;
  return caught !== undefined && (BigInt(`0x${caught}`) & quitBit) !== 0n;
}

/** Empty once the process is gone. */
function readOf(pid: string, file: 'cmdline' | 'status'): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
