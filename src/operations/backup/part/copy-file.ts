/** One whole file in the tar of a part. */
import { createHash } from 'node:crypto';
import { finishCrc32c, startCrc32c, updateCrc32c } from '../../../base/checksum/crc32c.ts';
import { tarHeader, tarPadding } from '../../../pipeline/tar/index.ts';
import { PageDigester } from '../../../postgres/cluster/page-digests.ts';
import { isMainFork } from '../../../postgres/cluster/incremental/file-name.ts';
import { isRelationFile } from '../../../postgres/cluster/relation-path.ts';
import { wholeMs } from './backup-entry.ts';
import { PageCheck } from './page-check.ts';
import { stepBytes, type OpenMember, type PartContent, type PartOptions } from './part-options.ts';
import { fill } from './read-file.ts';

/**
 * Copies exactly as many bytes as the file had when it was opened. Bytes added meanwhile are left out and bytes cut off
 * become zeros: replay of the WAL since the start of the backup repeats either change (basebackup.c, sendFile).
 */
export async function* copyFile(
  { index, member, file }: OpenMember,
  options: PartOptions,
  content: PartContent,
): AsyncGenerator<Uint8Array> {
  const { path, sourcePath } = member;
  const { buffer, pages, blockSizeBytes, digestKey, owner, signal } = options;
  const stat = file.stat();
  const { size: sizeBytes } = stat;
  const attributes = { sizeBytes, mode: stat.mode & 0o7777, mtimeMs: wholeMs(stat.mtimeMs) };
  const pageCheck = pages !== undefined && isRelationFile(path) ? new PageCheck(pages, path) : undefined;
  // A file that ends within a page is whole in the next backup, too.
  const digester =
    digestKey !== undefined && isMainFork(path) && sizeBytes % blockSizeBytes === 0
      ? new PageDigester({ blockSizeBytes, key: digestKey })
      : undefined;
  const hash = createHash('sha256');
  let crc = startCrc32c;
  let isAtEnd = false;
  const reread = (page: number, target: Uint8Array) =>
    fill(file, { path: sourcePath, target, position: page * blockSizeBytes }) === target.length;

  yield* buffer.put(tarHeader({ ...owner, path, type: 'file', ...attributes }));
  for (let position = 0; position < sizeBytes;) {
    signal.throwIfAborted();
    const leftBytes = sizeBytes - position;
    const room = buffer.room(Math.min(stepBytes, leftBytes));
    // A page is never cut.
    const stepped = room.length < leftBytes ? room.length - (room.length % blockSizeBytes) : room.length;
    if (stepped === 0) {
      yield* buffer.rest();
      continue;
    }
    const target = room.subarray(0, stepped);
    await options.mayRead(stepped);
    const filledBytes: number = isAtEnd ? 0 : fill(file, { path: sourcePath, target, position });
    isAtEnd = filledBytes < stepped;
    target.fill(0, filledBytes);
    const piece = { ...buffer.place(stepped), firstPage: position / blockSizeBytes };
    if (pageCheck !== undefined)
      for (const at of pageCheck.wrongPages(piece)) await pageCheck.readAgain(at, piece, { reread, signal });
    digester?.add(piece);
    hash.update(target);
    if (options.withCrc32c) crc = updateCrc32c(crc, target, 0, stepped);
    buffer.advance(stepped);
    position += stepped;
  }
  yield* buffer.put(tarPadding(sizeBytes));
  content.copied.push({
    member: index,
    ...attributes,
    sha256: hash.digest('hex'),
    ...(options.withCrc32c && { crc32c: finishCrc32c(crc) }),
  });
  if (pageCheck !== undefined) content.suspects.push(...pageCheck.suspects);
  if (digester === undefined) return;
  const { digests } = digester.finish();
  pageCheck?.spoilDigests(digests);
  content.digests.push({ member: index, pageCount: sizeBytes / blockSizeBytes, digests });
}
