/**
 * The audit of a repository after a disturbance, as a reader sees it: each object under a final key must be whole, and
 * a commit record may name only existing objects. Objects that no record names yet are counted, not refused.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { collect, type ByteStream } from '../../../src/base/bytes/streams.ts';
import { silentLog } from '../logs.ts';
import { openRepositories } from '../../../src/compose/open-repositories.ts';
import { loadConfig } from '../../../src/config/index.ts';
import { readTar } from '../../../src/pipeline/tar/index.ts';
import type { BackupRecord, StoredPiece } from '../../../src/repository/format/backup-record.ts';
import { readCatalog } from '../../../src/repository/format/catalog.ts';
import { backupPrefix, parseWalKey, walKey, type SystemPath } from '../../../src/repository/format/layout.ts';
import { decodeMetadata } from '../../../src/repository/format/object-metadata.ts';
import type { Repository } from '../../../src/repository/repository.ts';
import type { Site } from '../site/site.ts';
import { walFile } from '../wal/wal.ts';

const signal = new AbortController().signal;
const objectLimitBytes = 64 * 1024 ** 2;

export interface Audit {
  /** Decoded whole in this audit; objects are written once, so each is decoded once. */
  readonly decoded: number;
  readonly backups: readonly BackupRecord[];
  /** Ids that have objects and no commit record. */
  readonly unfinishedBackups: readonly string[];
  /** SHA-256 of the plain content, by key, of all WAL that was ever decoded. */
  readonly walDigests: ReadonlyMap<string, string>;
  /** On a directory store: temporary files of writers that died. */
  readonly temporaryFiles: readonly string[];
}

export class Auditor {
  readonly #site: Site;
  readonly #system: SystemPath;
  readonly #seen = new Set<string>();
  readonly #walDigests = new Map<string, string>();

  constructor(site: Site, systemId: bigint) {
    this.#site = site;
    this.#system = { cluster: 'orders', systemId };
  }

  /** @throws AssertionError or WalvaultError for anything torn */
  async audit(): Promise<Audit> {
    const { config } = await loadConfig({ path: this.#site.configPath, env: this.#site.readerEnv });
    await using opened = await openRepositories(config, silentLog);
    const [repository] = opened.repositories;
    assert.ok(repository);
    const { backups, unreadable } = await readCatalog(repository, this.#system, signal);
    assert.deepEqual(unreadable, []);
    const records = backups.map(({ record }) => record);
    for (const record of records) await this.#auditBackup(repository, record);

    let decoded = 0;
    const ids = new Set<string>();
    for await (const entry of repository.store.list({ prefix: '', signal })) {
      assert.ok('key' in entry);
      const id = /\/backups\/([^/]+)\/(?=claim|parts|index|manifest)/.exec(entry.key)?.[1];
      if (id !== undefined) ids.add(id);
      if (this.#seen.has(entry.key)) continue;
      const digest = await decodeWhole(repository, entry.key);
      if (digest !== undefined) this.#walDigests.set(entry.key, digest);
      this.#seen.add(entry.key);
      decoded++;
    }
    for (const { id } of records) ids.delete(id);
    return {
      decoded,
      backups: records,
      unfinishedBackups: [...ids],
      walDigests: this.#walDigests,
      temporaryFiles: temporaryFilesIn(this.#site.repositoryPath),
    };
  }

  async #auditBackup(repository: Repository, record: BackupRecord): Promise<void> {
    if (this.#seen.has(record.id)) return;
    const prefix = backupPrefix(this.#system, record.id);
    for (const piece of [record.manifest, ...record.parts]) await auditPiece(repository, prefix, piece);
    for (const name of neededSegments(record))
      assert.ok(
        await repository.store.head(walKey(this.#system, walFile(name)), { signal }),
        `${record.id} is committed and its WAL ${name} is not archived`,
      );
    this.#seen.add(record.id);
  }
}

async function auditPiece(repository: Repository, prefix: string, piece: StoredPiece): Promise<void> {
  const { body } = await repository.store.get(`${prefix}${piece.name}`, { signal });
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of body) {
    hash.update(chunk);
    sizeBytes += chunk.length;
  }
  assert.equal(sizeBytes, piece.storedSizeBytes, `${prefix}${piece.name}`);
  assert.equal(hash.digest('hex'), piece.storedSha256, `${prefix}${piece.name}`);
}

function neededSegments(record: BackupRecord): string[] {
  const { geometry } = record;
  return record.walRanges.flatMap(({ timeline, startLsn, endLsn }) => {
    const names: string[] = [];
    const last = geometry.lastSegmentBefore(endLsn);
    for (let number = geometry.segmentOf(startLsn); number <= last; number++)
      names.push(geometry.nameOf(timeline, number));
    return names;
  });
}

/** @returns the digest of the plain content if it is WAL */
async function decodeWhole(repository: Repository, key: string): Promise<string | undefined> {
  const { body, stat } = await repository.store.get(key, { signal });
  if (key.endsWith('.json')) {
    JSON.parse(Buffer.from(await collect(body, objectLimitBytes)).toString('utf8'));
    return undefined;
  }
  // Only the host that made it can open the index of a part.
  if (key.endsWith('.sig') || key.endsWith('.sealed')) {
    assert.ok((await collect(body, objectLimitBytes)).length > 0, key);
    return undefined;
  }
  const plain = repository.codec.decode(key, body, { limitBytes: 1024 ** 4, signal });
  if (/\/parts\/\d{6,7}\.tar/.test(key)) {
    await readPart(plain);
    return undefined;
  }
  const hash = createHash('sha256');
  for await (const chunk of plain) hash.update(chunk);
  if (parseWalKey(key) === undefined) return undefined;
  const metadata = decodeMetadata(stat.metadata);
  assert.ok(metadata, `${key} has no metadata`);
  const digest = hash.digest('hex');
  assert.equal(digest, metadata.sha256, key);
  return digest;
}

async function readPart(plain: ByteStream): Promise<void> {
  for await (const { content } of readTar(plain)) for await (const _ of content);
}

function temporaryFilesIn(directory: string): string[] {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.walvault-tmp'))
    .map(name => join(directory, name));
}
