/** Stores the file of a push in one repository, with retries. */
import type { ControlFile } from '../../postgres/cluster/control-file.ts';
import { ensureClusterRecord } from '../../repository/format/cluster-record.ts';
import type { SystemPath } from '../../repository/format/layout.ts';
import { verifyMarker } from '../../repository/format/marker.ts';
import type { Repository } from '../../repository/repository.ts';
import { storeWalObject, type StoreOutcome, type WalObject } from '../../repository/wal/write-object.ts';
import type { RepositoryPatience } from './patience.ts';
import type { RepositoryProofs } from './repository-proofs.ts';

export interface Storing {
  readonly system: SystemPath;
  readonly control: ControlFile;
  readonly encoded: Promise<WalObject>;
  readonly proofs: RepositoryProofs;
}

/** @throws HeldUp over the limit of the queue, if the repository is not to blame */
export async function storeRetrying(
  repository: Repository,
  { system, control, encoded, proofs }: Storing,
  patience: RepositoryPatience,
): Promise<StoreOutcome> {
  // The two small reads run while the segment is being compressed.
  const prepare = async () => {
    if (!patience.isOverQueueLimit && proofs.holdFor(repository, control)) return;
    await patience.ask(async signal => {
      await verifyMarker(repository, signal);
      await ensureClusterRecord(repository, system, control, signal);
    });
    proofs.add(repository, control);
  };
  return await patience.retry(async () => {
    try {
      const [object] = await Promise.all([encoded, prepare()]);
      return await storeWalObject(repository, object, patience.signal);
    } catch (error) {
      proofs.clear();
      throw error;
    }
  });
}
