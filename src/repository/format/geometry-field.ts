/** The field for the segment size in `cluster.json` and in backup records. */
import { isValidSegmentSize, WalGeometry } from '../../postgres/wal/geometry.ts';
import type { Fields } from './fields.ts';

/**
 * Reads the WAL geometry.
 * @throws WalvaultError `damaged` for a size that PostgreSQL does not know
 */
export function readGeometry(fields: Fields): WalGeometry {
  const sizeBytes = fields.number('segmentSizeBytes');
  if (!isValidSegmentSize(sizeBytes)) throw fields.bad('segmentSizeBytes');
  return new WalGeometry(sizeBytes);
}
