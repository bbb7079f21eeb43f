/**
 * An archive with its server, keys and configuration from `init`, of which an attacker holds the repository: a backup, WAL
 * behind it, and the history of a branch. The server is stopped.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readControlFile } from '../../../src/postgres/cluster/control-file.ts';
import { backUp, newDirectory, type TakenBackup } from '../site/cycle.ts';
import type { Environment, RunResult } from '../site/run.ts';
import { archiveEverything, coldCopy, commitRows, createSite, type Site } from '../site/site.ts';
import { createS3Site } from '../site/store-site.ts';
import { giveToUnprivileged } from '../site/unprivileged.ts';
import { HostileBucket } from './bucket.ts';
import { HostileDirectory } from './directory.ts';
import type { HostileRepository } from './hostile-repository.ts';

/** `default` is what `init` writes: trusted signers, and no word about `signing.verify`. */
export const policies = ['default', 'warn', 'off'] as const;
export type Policy = (typeof policies)[number];

interface Place {
  readonly site: Site;
  readonly repository: HostileRepository;
  close(): Promise<void>;
}

/** Where the repository lies. */
export const places = {
  async 'a directory'(): Promise<Place> {
    const site = await createSite();
    return { site, repository: new HostileDirectory(site.repositoryPath), close: async () => {} };
  },
  async 'an S3 bucket'(): Promise<Place> {
    const { site, server, close } = await createS3Site();
    return { site, repository: new HostileBucket(server.contents, 'repository/'), close };
  },
} as const;

type RecoveryMode = 'recovery.signal' | 'standby.signal';

export class Scene {
  readonly site: Site;
  readonly repository: HostileRepository;
  readonly genuine: TakenBackup;
  /** The keys' first two parts: cluster and system identifier. */
  readonly system: string;
  /** The stopped server's. */
  readonly dataDirectory: string;
  readonly #close: () => Promise<void>;
  readonly #recoveries: Readonly<Record<RecoveryMode, string>>;

  private constructor(
    place: Place,
    facts: Pick<Scene, 'genuine' | 'system' | 'dataDirectory'>,
    recoveries: Readonly<Record<RecoveryMode, string>>,
  ) {
    this.site = place.site;
    this.repository = place.repository;
    this.#close = () => place.close();
    this.genuine = facts.genuine;
    this.system = facts.system;
    this.dataDirectory = facts.dataDirectory;
    this.#recoveries = recoveries;
  }

  static async open(where: keyof typeof places): Promise<Scene> {
    const place = await places[where]();
    const { site } = place;
    const origin = await site.startOrigin({ conf: { wal_keep_size: '64MB' } });
    await commitRows(origin, 1, 2);
    const genuine = await backUp(site, origin);
    await commitRows(origin, 3, 5);
    await archiveEverything(origin);
    await origin.stop();
    const { dataDirectory } = origin;
    const { systemId } = await readControlFile(dataDirectory, new AbortController().signal);
    const history = join(dataDirectory, 'pg_wal/00000002.history');
    writeFileSync(history, '1\t0/900000\tpromoted\n', { mode: 0o644 });
    const recoveryDirectory = (signalFile: RecoveryMode) => {
      const copy = coldCopy(origin);
      writeFileSync(join(copy, signalFile), '');
      giveToUnprivileged(copy);
      return copy;
    };
    const scene = new Scene(
      place,
      { genuine, system: `orders/${systemId}`, dataDirectory },
      {
        'recovery.signal': recoveryDirectory('recovery.signal'),
        'standby.signal': recoveryDirectory('standby.signal'),
      },
    );
    const pushed = await scene.push('00000002.history');
    assert.equal(pushed.exitCode, 0, pushed.stderr);
    return scene;
  }

  close(): Promise<void> {
    return this.#close();
  }

  /** The executable, with the reader's keys. */
  run(args: readonly string[], policy: Policy = 'default', env: Environment = {}): Promise<RunResult> {
    return this.site.walvault(args, { env: { ...environmentOf(policy), ...env }, timeoutMs: 180_000 });
  }

  /** In the server's data directory, as PostgreSQL calls it. */
  push(name: string, policy: Policy = 'default'): Promise<RunResult> {
    const args = ['push', `pg_wal/${name}`];
    return this.site.walvault(args, { cwd: this.dataDirectory, env: environmentOf(policy) });
  }

  /** In the data directory of a recovery on timeline 1. */
  fetch(
    name: string,
    mode: RecoveryMode = 'recovery.signal',
    policy: Policy = 'default',
  ): Promise<RunResult> {
    const args = ['fetch', '--timeline', '1', name, 'pg_wal/RECOVERYXLOG'];
    return this.site.walvault(args, { cwd: this.recoveryDirectory(mode), env: environmentOf(policy) });
  }

  recoveryDirectory(mode: RecoveryMode): string {
    return this.#recoveries[mode];
  }

  /** The plan of a restore to the end of timeline 1. */
  async plan(
    policy: Policy = 'default',
  ): Promise<{ readonly exitCode: number | null; readonly text: string }> {
    const args = ['restore', newDirectory(), '--dry-run', '--target-timeline', '1'];
    const { exitCode, stdout, stderr } = await this.run(args, policy);
    return { exitCode, text: stdout + stderr };
  }

  /** The whole segments of timeline 1 that are archived, in the order of their names. */
  segments(): string[] {
    const keys = this.repository.keys(`${this.system}/wal/00000001/`);
    return keys.map(key => key.split('/').at(-1) ?? '').filter(name => /^[0-9A-F]{24}$/.test(name));
  }

  walKey(segment: string): string {
    return `${this.system}/wal/${segment.slice(0, 8)}/${segment.slice(8, 16)}/${segment}`;
  }

  get recordKey(): string {
    return `${this.system}/catalog/backups/${this.genuine.id}.json`;
  }

  /** The objects of the genuine backup. */
  get backupPrefix(): string {
    return `${this.system}/backups/${this.genuine.id}/`;
  }
}

function environmentOf(policy: Policy): Environment {
  return policy === 'default' ? {} : { WALVAULT_SIGNING_VERIFY: policy };
}
