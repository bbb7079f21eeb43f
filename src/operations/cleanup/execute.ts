/**
 * The execution of a cleanup plan, to the letter. A crash may follow any step. So a note announces each removal, commit
 * records are deleted before the data that they name, WAL is deleted from its oldest end, and the next run finds the
 * rest.
 */
import { backupPrefix, commitRecordKey, signatureKey } from '../../repository/format/layout.ts';
import { Announcements } from './announcements.ts';
import type { BackupDecision } from './decisions.ts';
import type { ExecuteOptions } from './execute-options.ts';
import { ObjectRemoval, type ListedObject, type RemovedObjects } from './object-removal.ts';
import { countRemovals, RemovalProgress } from './removal-progress.ts';
import type { SystemState } from './state.ts';
import { UseSincePlan } from './use-since-plan.ts';
import { listWalObjects } from './wal-objects.ts';

export interface Removed extends RemovedObjects {
  readonly backups: readonly string[];
  /** The backups that cleanup keeps although the plan removes them: they have since come into use. */
  readonly yielded: readonly string[];
}

/** @throws WalvaultError `refused` if this host's clock contradicts the store's clock; then nothing was deleted */
export async function executePlan(options: ExecuteOptions): Promise<Removed> {
  const execution = new Execution(options);
  await execution.removeBackups();
  await execution.removeWal();
  await execution.removeOldNotes();
  const result = execution.result();
  if (result.locked !== undefined) {
    const { objectCount, firstKey, until } = result.locked;
    const locked = { objectCount, firstKey, until: until.toISOString() };
    options.log.emit({ kind: 'removal-locked', repository: options.repository.name, ...locked });
  }
  return result;
}

class Execution {
  readonly #options: ExecuteOptions;
  readonly #announcements: Announcements;
  readonly #objects: ObjectRemoval;
  readonly #use: UseSincePlan;
  readonly #going: readonly BackupDecision[];
  readonly #removed: string[] = [];
  #areRecordsLeft = false;

  constructor(options: ExecuteOptions) {
    const { repository, state, plan, log, signal } = options;
    this.#options = options;
    this.#going = plan.backups.filter(({ action }) => action === 'remove');
    this.#announcements = new Announcements(options);
    this.#objects = new ObjectRemoval(
      repository,
      new RemovalProgress(log, countRemovals(plan, state)),
      signal,
    );
    this.#use = new UseSincePlan(options, this.#going);
  }

  result(): Removed {
    return { ...this.#objects.result(), backups: this.#removed, yielded: [...this.#use.yielded] };
  }

  /** Children before parents, so that each backup left after a crash is whole. */
  async removeBackups(): Promise<void> {
    const { repository, state, plan, log } = this.#options;
    if (this.#going.length === 0 && plan.wal.every(({ action }) => action === 'keep')) return;
    await this.#announcements.announceBackups(this.#going);
    await this.#use.lookBeforeBackups();
    for (const backup of childrenFirst(this.#going, state)) {
      if (this.#use.yielded.has(backup.id)) continue;
      if (!(await this.#removeRecord(backup))) {
        this.#areRecordsLeft = true;
        continue;
      }
      if (!(await this.#objects.removeListed(this.#objectsOf(backup.id)))) continue;
      this.#removed.push(backup.id);
      log.emit({ kind: 'backup-removed', repository: repository.name, backup: backup.id });
    }
  }

  async removeWal(): Promise<void> {
    const { repository, system, state, plan, log, signal } = this.#options;
    const { geometry } = state;
    // A backup that is kept after all needs its WAL, which this plan does not keep. The next run plans with it.
    if (geometry === undefined || this.#areRecordsLeft || this.#use.needsWal) return;
    const ranges = plan.wal.filter(({ action }) => action === 'remove');
    if (ranges.length === 0) return;
    await this.#announcements.announceWal(ranges, geometry);
    await this.#use.lookBeforeWal();
    if (this.#use.needsWal) return;
    for (const range of ranges) {
      const objects = listWalObjects(repository, system, range, { geometry, signal });
      if (!(await this.#objects.removeListed(objects))) continue;
      const { firstSegment, lastSegment } = range;
      log.emit({ kind: 'wal-removed', repository: repository.name, firstSegment, lastSegment });
    }
  }

  /** Removes notes that say nothing more. */
  async removeOldNotes(): Promise<void> {
    await this.#objects.sweep(this.#options.state.outdatedNotes.flatMap(key => [key, signatureKey(key)]));
  }

  /** @returns false if the backup still counts as one */
  async #removeRecord({ id, state }: BackupDecision): Promise<boolean> {
    const record = commitRecordKey(this.#options.system, id);
    if (state !== 'unfinished' && !(await this.#objects.removeOne(record))) return false;
    // Only now: a record without its signature would be untrusted. A run that was killed in between has left the signature.
    await this.#objects.removeOne(signatureKey(record));
    return true;
  }

  async *#objectsOf(id: string): AsyncGenerator<ListedObject> {
    const { repository, system, signal } = this.#options;
    for await (const entry of repository.store.list({ prefix: backupPrefix(system, id), signal }))
      if ('key' in entry) yield entry;
  }
}

function childrenFirst(going: readonly BackupDecision[], state: SystemState): BackupDecision[] {
  const parents = new Map(state.backups.map(({ record }) => [record.id, record.parent]));
  const depth = (id: string) => {
    let count = 0;
    for (
      let parent = parents.get(id);
      parent !== undefined && count <= parents.size;
      parent = parents.get(parent)
    )
      count++;
    return count;
  };
  return [...going].sort((a, b) => depth(b.id) - depth(a.id));
}
