/** The segment size, as `cluster.json` and backup records have it. */
import { isValidSegmentSize, WalGeometry } from '../../postgres/wal/geometry.ts';
import type { Fields } from './fields.ts';

/** @throws WalvaultError `damaged` for a size that PostgreSQL does not know */
export function readGeometry(fields: Fields): WalGeometry {
  const sizeBytes = fields.number('segmentSizeBytes');
  if (!isValidSegmentSize(sizeBytes)) throw fields.bad('segmentSizeBytes');
  return new WalGeometry(sizeBytes);
}
