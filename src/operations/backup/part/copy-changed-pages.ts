/** The changed pages of one relation file in the tar of a part, as an incremental file of PostgreSQL's. */
import { createHash } from 'node:crypto';
import { finishCrc32c, startCrc32c, updateCrc32c } from '../../../base/checksum/crc32c.ts';
import { tarHeader, tarPadding } from '../../../pipeline/tar/index.ts';
import { incrementalPath } from '../../../postgres/cluster/incremental/file-name.ts';
import { encodeIncrementalHeader } from '../../../postgres/cluster/incremental/header.ts';
import { neighbours } from '../../../postgres/cluster/incremental/runs.ts';
import { PageDigester } from '../../../postgres/cluster/page-digests.ts';
import { wholeMs } from './backup-entry.ts';
import type { ChangedPages } from './changed-pages.ts';
import { PageCheck } from './page-check.ts';
import { stepBytes, type OpenMember, type PartContent, type PartOptions } from './part-options.ts';
import { fill } from './read-file.ts';

/**
 * Copies these pages as they are now: what has changed since they were found is repeated by replay. Pages that were cut off since become
 * zeros, as in a whole file.
 */
export async function* copyChangedPages(
  { index, member, file }: OpenMember,
  options: Omit<PartOptions, 'digestKey'> & ChangedPages,
  content: PartContent,
): AsyncGenerator<Uint8Array> {
  const { path, sourcePath } = member;
  const { buffer, pages, blockSizeBytes, header, digestKey, owner, signal } = options;
  const { blocks, truncationBlocks: pageCount } = header;
  const stat = file.stat();
  const head = encodeIncrementalHeader(header, options);
  const sizeBytes = head.length + blocks.length * blockSizeBytes;
  const attributes = { sizeBytes, mode: stat.mode & 0o7777, mtimeMs: wholeMs(stat.mtimeMs) };
  const pageCheck = pages === undefined ? undefined : new PageCheck(pages, path);
  const digester = new PageDigester({ blockSizeBytes, key: digestKey });
  const hash = createHash('sha256').update(head);
  let crc = startCrc32c;
  if (options.withCrc32c) crc = updateCrc32c(crc, head, 0, head.length);
  const reread = (page: number, target: Uint8Array) =>
    fill(file, { path: sourcePath, target, position: page * blockSizeBytes }) === target.length;

  yield* buffer.put(tarHeader({ ...owner, path: incrementalPath(path), type: 'file', ...attributes }));
  yield* buffer.put(head);
  for (let done = 0; done < blocks.length;) {
    signal.throwIfAborted();
    if (buffer.room(blockSizeBytes).length < blockSizeBytes) yield* buffer.rest();
    const mostPages = Math.floor(buffer.room(stepBytes).length / blockSizeBytes);
    const firstPage = blocks[done] ?? 0;
    const count = neighbours(blocks, done, mostPages);
    const stepped = count * blockSizeBytes;
    const target = buffer.room(stepped);
    await options.mayRead(stepped);
    const filledBytes = fill(file, { path: sourcePath, target, position: firstPage * blockSizeBytes });
    target.fill(0, filledBytes);
    const piece = { ...buffer.place(stepped), firstPage };
    if (pageCheck !== undefined)
      for (const at of pageCheck.wrongPages(piece)) await pageCheck.readAgain(at, piece, { reread, signal });
    digester.add(piece);
    hash.update(target);
    if (options.withCrc32c) crc = updateCrc32c(crc, target, 0, stepped);
    buffer.advance(stepped);
    done += count;
  }
  yield* buffer.put(tarPadding(sizeBytes));
  content.copied.push({
    member: index,
    ...attributes,
    sha256: hash.digest('hex'),
    ...(options.withCrc32c && { crc32c: finishCrc32c(crc) }),
    relationBytes: pageCount * blockSizeBytes,
  });
  const { digests } = digester.finish();
  if (pageCheck !== undefined) {
    content.suspects.push(...pageCheck.suspects);
    pageCheck.spoilDigests(digests, blocks);
  }
  content.digests.push({ member: index, pageCount, pages: blocks, digests });
}
