/**
 * Keeps PostgreSQL's own `backup_manifest` true after a file it covers was changed on purpose (a tablespace map with
 * new places), so that `pg_verifybackup` still passes.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { systemCode } from '../../base/errors/errors.ts';
import { fsyncDirectory, temporaryName, writeAll } from '../../base/files/durable.ts';
import { readLines } from '../../repository/format/manifest.ts';

const batchBytes = 256 * 1024;

/** Replaces size and checksum of one file. A directory without such a manifest, or a file it lacks, is left as it is. */
export async function updateServerManifest(
  dataDirectory: string,
  file: { readonly path: string; readonly content: Uint8Array },
): Promise<void> {
  const path = join(dataDirectory, 'backup_manifest');
  const temporary = temporaryName(path);
  const mode = await modeOf(path);
  if (mode === undefined) return;
  const handle = await open(temporary, 'wx', mode);
  try {
    for await (const chunk of rewritten(path, file)) await writeAll(handle, chunk);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, path);
  await fsyncDirectory(dataDirectory);
}

/** One file a line, and a last line with the checksum of all before it (backup_manifest.c). */
async function* rewritten(
  path: string,
  file: { readonly path: string; readonly content: Uint8Array },
): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  const entryStart = `{ "Path": ${JSON.stringify(file.path)}, `;
  const digest = createHash('sha256').update(file.content).digest('hex');
  let batch = '';
  for await (const line of readLines(createReadStream(path, { highWaterMark: batchBytes }))) {
    if (line.startsWith('"Manifest-Checksum"')) {
      hash.update(batch);
      yield Buffer.from(`${batch}"Manifest-Checksum": "${hash.digest('hex')}"}\n`);
      return;
    }
    const isTheFile = line.startsWith(entryStart);
    batch += isTheFile ? `${withContent(line, file.content.length, digest)}\n` : `${line}\n`;
    if (batch.length < batchBytes) continue;
    hash.update(batch);
    yield Buffer.from(batch);
    batch = '';
  }
  // No checksum line: not a manifest pg_verifybackup would take; it keeps what it has.
  yield Buffer.from(batch);
}

function withContent(line: string, sizeBytes: number, sha256: string): string {
  return line
    .replace(/"Size": \d+/, `"Size": ${sizeBytes}`)
    .replace(/"Checksum": "[0-9a-f]*"/, `"Checksum": "${sha256}"`);
}

async function modeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mode & 0o777;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
