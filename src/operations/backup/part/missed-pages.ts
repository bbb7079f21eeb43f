/**
 * The judgement of an audit: changed pages of a file that the WAL summaries do not name, and whether they should have.
 *
 * PostgreSQL changes some of a page without WAL, hint bits above all. What its LSN says is certain: WAL that lies between the
 * parent and this backup has changed the page, so the summaries of it had to name it. An LSN behind the start of this backup says nothing
 * (replay repeats that change), and an older one says that no WAL has changed it, which is a fault only where all changes are in WAL.
 */
import { pageLsn, verifyPages } from '../../../postgres/cluster/page-checksum.ts';
import { segmentOfRelation } from '../../../postgres/cluster/relation-path.ts';
import { segmentChanges } from '../../../postgres/wal/summaries/segment-changes.ts';
import type { OpenMember, PartOptions } from './part-options.ts';
import type { AuditRules, MissedPage } from './part-task.ts';
import { fill } from './read-file.ts';

/** @param changed the pages with another digest than the parent's; each that no summary names is read again */
export function missedPages(
  { member, file }: OpenMember,
  changed: Uint32Array,
  options: PartOptions & { readonly audit: AuditRules },
): MissedPage[] {
  const { path, sourcePath, named, parentPages } = member;
  const { audit, blockSizeBytes, relationSegmentBlocks, pages } = options;
  if (named === undefined || parentPages === undefined) return [];
  const stored = segmentChanges(
    {
      named,
      fork: 'main',
      sizeBytes: file.stat().size,
      parentSizeBytes: parentPages.pageCount * blockSizeBytes,
    },
    { blockSizeBytes, relationSegmentBlocks },
  );
  if (stored.kind === 'whole') return [];
  const isStored = new Set(stored.blocks);
  const missed: MissedPage[] = [];
  const content = Buffer.alloc(blockSizeBytes);
  for (const page of changed) {
    if (isStored.has(page)) continue;
    const position = page * blockSizeBytes;
    // Cut off meanwhile.
    if (fill(file, { path: sourcePath, target: content, position }) < blockSizeBytes) continue;
    const firstBlock = segmentOfRelation(path) * relationSegmentBlocks + page;
    // Half written, or damaged, which the check of checksums tells.
    if (pages !== undefined && verifyPages(content, { firstBlock, blockSizeBytes }).length > 0) continue;
    if (isMissed(content, audit)) missed.push({ path, page, lsn: pageLsn(content) });
  }
  return missed;
}

/** Whether WAL summaries had to name this page, which differs from the parent's. */
export function isMissed(page: Uint8Array, { fromLsn, toLsn, logsEveryChange }: AuditRules): boolean {
  const lsn = pageLsn(page);
  if (lsn > toLsn) return false;
  return lsn > fromLsn || (logsEveryChange && !isSpGistMetaPage(page));
}

/** SPGIST_PAGE_ID and SPGIST_META in the special space of a page (spgist_private.h). */
const spGistPageId = 0xff82;
const spGistMeta = 1;
const spGistSpecialBytes = 8;
/** Where a page header has pd_special. */
const specialAt = 16;

/** An SP-GiST index notes its last used pages without WAL (SpGistUpdateMetaPage). */
function isSpGistMetaPage(page: Uint8Array): boolean {
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  const special = view.getUint16(specialAt, true);
  return (
    special === page.length - spGistSpecialBytes &&
    view.getUint16(page.length - 2, true) === spGistPageId &&
    (view.getUint16(special, true) & spGistMeta) !== 0
  );
}
