/** The damaged pages of a backup: which of the pages that look wrong count, and their words. Pure. */
import { formatCount } from '../base/units.ts';
import type { Lsn } from '../postgres/wal/lsn.ts';
import type { BackupRecord, DamagedPage } from '../repository/format/backup-record.ts';

/** As many as one line can name. */
const mostNamed = 10;

/** `2 damaged pages: base/5/16384, page 3; base/5/16384, page 1000`. A page has its number within the file, from 0. */
export function describeDamagedPages({
  damagedPages,
  namedDamagedPages = [],
}: Pick<BackupRecord, 'damagedPages' | 'namedDamagedPages'>): string {
  const named = namedDamagedPages.slice(0, mostNamed).map(({ path, page }) => `${path}, page ${page}`);
  const others = damagedPages - named.length;
  if (named.length > 0 && others > 0) named.push(`${others} more`);
  const count = formatCount(damagedPages, 'damaged page');
  return named.length === 0 ? count : `${count}: ${named.join('; ')}`;
}

/** A page whose checksum stayed wrong. It is damaged unless recovery rewrites it. */
export interface SuspectPage extends DamagedPage {
  readonly lsn: Lsn;
}

/**
 * The suspects that recovery does not rewrite. A page whose LSN lies in the backup's WAL is rewritten from a full image,
 * so it is no loss, however torn.
 * @param range.startLsn where recovery of the backup begins
 * @param range.currentLsn how far the server has written WAL since the pages were read
 */
export function damagedAmong(
  suspects: readonly SuspectPage[],
  { startLsn, currentLsn }: { readonly startLsn: Lsn; readonly currentLsn: Lsn },
): DamagedPage[] {
  return suspects
    .filter(({ lsn }) => lsn < startLsn || lsn > currentLsn)
    .map(({ path, page }) => ({ path, page }));
}
