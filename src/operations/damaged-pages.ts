/** The damaged pages of a backup in words. Pure. */
import { formatCount } from '../base/units.ts';
import type { BackupRecord } from '../repository/format/backup-record.ts';

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
