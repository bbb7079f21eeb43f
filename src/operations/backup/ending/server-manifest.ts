/**
 * PostgreSQL's own `backup_manifest`, as backup_manifest.c writes it: what lets `pg_verifybackup` and
 * `pg_combinebackup` accept a backup that was unpacked by hand. Version 1 up to 16, version 2 with the system
 * identifier from 17 on. It lists files, not directories, and neither itself nor `pg_wal`.
 */
import { createHash } from 'node:crypto';
import { formatLsn } from '../../../postgres/wal/lsn.ts';
import type { ManifestEntry } from '../../../repository/format/manifest.ts';
import type { WalRange } from '../../../repository/format/backup-record.ts';

export const serverManifestPath = 'backup_manifest';

export interface ServerManifest {
  readonly postgresMajor: number;
  readonly systemId: bigint;
  readonly walRanges: readonly WalRange[];
}

const batchBytes = 256 * 1024;

export async function* encodeServerManifest(
  manifest: ServerManifest,
  entries: AsyncIterable<ManifestEntry> | Iterable<ManifestEntry>,
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  const finish = (text: string) => {
    const data = Buffer.from(text);
    hash.update(data);
    return data;
  };
  let batch = head(manifest);
  let separator = '\n';
  for await (const entry of entries) {
    if (entry.type !== 'file') continue;
    batch += separator + fileLine(entry);
    separator = ',\n';
    if (batch.length < batchBytes) continue;
    yield finish(batch);
    batch = '';
  }
  yield finish(`${batch}\n],\n"WAL-Ranges": [\n${manifest.walRanges.map(rangeLine).join(',\n')}\n],\n`);
  // The checksum covers every line before its own (FinalizeBackupManifest and SendBackupManifest).
  yield Buffer.from(`"Manifest-Checksum": "${hash.digest('hex')}"}\n`);
}

function head({ postgresMajor, systemId }: ServerManifest): string {
  const isSecondVersion = postgresMajor >= 17;
  const identifier = isSecondVersion ? `"System-Identifier": ${systemId},\n` : '';
  return `{ "PostgreSQL-Backup-Manifest-Version": ${isSecondVersion ? 2 : 1},\n${identifier}"Files": [`;
}

function fileLine({ path, sizeBytes, mtimeMs, sha256 }: ManifestEntry): string {
  return `{ "Path": ${JSON.stringify(path)}, "Size": ${sizeBytes}, "Last-Modified": "${gmt(mtimeMs)}", "Checksum-Algorithm": "SHA256", "Checksum": "${sha256}" }`;
}

function rangeLine({ timeline, startLsn, endLsn }: WalRange): string {
  return `{ "Timeline": ${timeline}, "Start-LSN": "${formatLsn(startLsn)}", "End-LSN": "${formatLsn(endLsn)}" }`;
}

/** `2026-11-22 02:00:00 GMT` */
function gmt(timeMs: number): string {
  return `${new Date(timeMs).toISOString().slice(0, 19).replace('T', ' ')} GMT`;
}
