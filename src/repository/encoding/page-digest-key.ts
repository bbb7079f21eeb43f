/** The key of page digests: one for all backups of a system, so that they can be compared. */
import type { HighwayKey } from '../../base/checksum/highway-hash.ts';
import { systemPrefix, type SystemPath } from '../format/layout.ts';
import type { HostSecret } from './host-secret.ts';

export function pageDigestKey(secret: HostSecret, system: SystemPath): HighwayKey {
  return secret.hashKeyFor(`page digests of ${systemPrefix(system)}`);
}
