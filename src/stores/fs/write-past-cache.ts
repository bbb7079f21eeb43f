/** The write of an object in memory past the page cache: nobody reads an archived segment soon. */
import { wholePages } from '../../base/bytes/aligned-buffer.ts';
import { systemCode } from '../../base/errors/errors.ts';
import type { OpenFile } from '../../base/files/calls.ts';
import { openPastCache } from '../../base/files/past-cache.ts';

/** A write that waits for the disk is worth it for files of this size. */
const leastBytes = 256 * 1024;

/**
 * Writes the whole content of an empty file, if it lies in whole pages of memory and the file system takes it. Not
 * durable before fsync. @returns false where the content is still to be written @throws system errors
 */
export async function writePastCache(file: OpenFile, content: Uint8Array): Promise<boolean> {
  const pages = content.length < leastBytes ? undefined : wholePages(content);
  if (pages === undefined) return false;
  const isWritten = await writePages(file, pages);
  await file.truncate(isWritten ? content.length : 0);
  return isWritten;
}

async function writePages(target: OpenFile, pages: Uint8Array): Promise<boolean> {
  try {
    await using file = await openPastCache(target);
    const { bytesWritten } = await file.write(pages, 0, pages.length, 0);
    return bytesWritten === pages.length;
  } catch (error) {
    // Not on this file system, or larger blocks; or no /proc. What else is wrong the ordinary write meets, too.
    if (systemCode(error) === undefined) throw error;
    return false;
  }
}
