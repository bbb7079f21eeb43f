/**
 * A repository that a configuration names which somebody else may change, for root: it must be his own. Else he would
 * have root's cleanup follow his policy in another one's repository.
 */
import { isHisOwn, type Outsider } from '../../base/files/outsider.ts';
import { wrapStore } from '../methods.ts';
import { StoreError, type Store } from '../store.ts';
import { holdDirectory } from './held-directory.ts';

/**
 * Every call fails with `denied` unless the root is the outsider's. Looked at once: afterwards nobody but him and root can
 * put another directory in its place, and `holdDirectory` sees to that.
 */
export function requireHisOwn(store: Store, root: string, chosenBy: Outsider): Store {
  let looked: Promise<void> | undefined;
  const look = () => (looked ??= assertHisOwn(root, chosenBy));
  return wrapStore(store, {
    async result({ signal }, work) {
      await look();
      return await work(signal);
    },
    async *entries({ signal }, work) {
      await look();
      yield* work(signal);
    },
  });
}

async function assertHisOwn(root: string, chosenBy: Outsider): Promise<void> {
  await using held = await holdDirectory(root, '');
  const found = await held.stat();
  if (isHisOwn(chosenBy, found)) return;
  throw new StoreError(
    'denied',
    `${root} belongs to user ${found.uid}, and root was sent there by a configuration that another may change: ${chosenBy.because}`,
    {
      hint: 'Run this as the user that owns the repository, or let root own the configuration (chown root:postgres, chmod 0640).',
    },
  );
}
