/**
 * The plain tar of one part, in pieces of some MiB, and what it has of each member.
 *
 * There is one pass over each byte: files are read into the place of the buffer that they have in the tar, and are
 * checked and hashed there in short steps, while a step's bytes are in the processor's cache. Of a file that the parent backup has,
 * one pass more finds what has changed.
 */
import { WalvaultError } from '../../../base/errors/errors.ts';
import { tarHeader, tarTrailer } from '../../../pipeline/tar/index.ts';
import type { PartMember } from './backup-entry.ts';
import { findChangedPages } from './changed-pages.ts';
import { copyChangedPages } from './copy-changed-pages.ts';
import { copyFile } from './copy-file.ts';
import type { PartContent, PartOptions } from './part-options.ts';
import type { Log } from '../../../observe/events/events.ts';

/** Yields pieces, each of which is valid until the next one is asked for. */
export async function* streamPart(
  members: readonly PartMember[],
  options: PartOptions,
  content: PartContent,
): AsyncGenerator<Uint8Array> {
  const { buffer, owner, signal, log } = options;
  for (const [index, member] of members.entries()) {
    signal.throwIfAborted();
    if (member.type === 'directory') {
      const { path, type, mode, mtimeMs } = member;
      yield* buffer.put(tarHeader({ ...owner, path, type, mode, mtimeMs, sizeBytes: 0 }));
      content.copied.push({ member: index, mode, mtimeMs, sizeBytes: 0 });
      continue;
    }
    const file = options.open(member.sourcePath);
    if (file === undefined) {
      skipVanished(member, log);
      continue;
    }
    try {
      const open = { index, member, file };
      const changed = yield* findChangedPages(open, options, content);
      if (changed === undefined) yield* copyFile(open, options, content);
      else yield* copyChangedPages(open, { ...options, ...changed }, content);
    } finally {
      file.close();
    }
  }
  yield* buffer.put(tarTrailer);
  yield* buffer.rest();
}

/** Files that every cluster has and PostgreSQL never removes. */
const indispensable =
  /^(?:PG_VERSION|postgresql(?:\.auto)?\.conf|pg_hba\.conf|pg_ident\.conf|global\/pg_filenode\.map)$/;

/**
 * Skips a file that PostgreSQL has removed since the walk (DROP, VACUUM FULL, WAL of old transactions); replay
 * removes it again.
 */
function skipVanished({ path, sourcePath }: PartMember, log: Log): void {
  if (indispensable.test(path)) {
    throw new WalvaultError('local-io', `read ${sourcePath}: it has vanished since the backup began`, {
      hint: 'PostgreSQL never removes this file by itself. Put it back and take the backup again.',
    });
  }
  log.emit({ kind: 'file-vanished', path });
}
