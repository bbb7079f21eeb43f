/**
 * The execution of a cleanup plan, to the letter. A crash may follow any step. So a note announces each removal, commit
 * records are deleted before the data that they name, WAL is deleted from its oldest end, and the next run finds the
 * rest.
 */
import { isBackupId } from '../../repository/format/backup-record.ts';
import { messageOf, WalvaultError } from '../../base/errors/errors.ts';
import {
  backupPrefix,
  backupsPrefix,
  commitRecordKey,
  notesPrefix,
  signatureKey,
  type SystemPath,
} from '../../repository/format/layout.ts';
import { readParentClaim, type ParentClaim } from '../../repository/format/claim.ts';
import { expiringNote } from '../../repository/format/notes/expiring.ts';
import { writeNote, type NewNote } from '../../repository/format/notes/note.ts';
import { removedWalNote } from '../../repository/format/notes/removed-wal.ts';
import type { Repository } from '../../repository/repository.ts';
import type { RestoreInProgress } from '../../repository/restores-in-progress.ts';
import { surveySystem } from '../../repository/survey.ts';
import type { BackupDecision, CleanupPlan } from './decisions.ts';
import { countRemovals, RemovalProgress } from './removal-progress.ts';
import type { SystemState } from './state.ts';
import { listWalObjects } from './wal-objects.ts';
import type { Log } from '../../observe/events/events.ts';

const batchSize = 1000;
const clockToleranceMs = 3_600_000;

const foreignHint = 'A file server or another program made it there; delete it by hand if nobody needs it.';

export interface Removed {
  readonly backups: readonly string[];
  readonly objectCount: number;
  readonly freedBytes: number;
  /** Messages of one line; empty if all objects of the plan are gone, or locked. */
  readonly failures: readonly string[];
  /** What an object lock or a retention of the store forbids to delete; a later run does. */
  readonly locked: LockedObjects | undefined;
  /** The backups that cleanup keeps although the plan removes them: a new backup has since been built on them. */
  readonly yielded: readonly string[];
}

export interface LockedObjects {
  readonly objectCount: number;
  readonly firstKey: string;
  /** When the longest lock ends. */
  readonly until: Date;
}

export interface ExecuteOptions {
  readonly repository: Repository;
  readonly system: SystemPath;
  readonly state: SystemState;
  readonly plan: CleanupPlan;
  readonly now: Date;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** @throws WalvaultError `refused` if this host's clock contradicts the store's clock; then nothing was deleted */
export async function executePlan(options: ExecuteOptions): Promise<Removed> {
  const removal = new Removal(options);
  await removal.announceBackups();
  await removal.yieldToClaims();
  await removal.yieldToPins();
  await removal.yieldToRestores();
  await removal.removeBackups();
  await removal.removeWal();
  await removal.removeOldNotes();
  const result = removal.result();
  if (result.locked !== undefined)
    options.log.emit({
      kind: 'removal-locked',
      repository: options.repository.name,
      ...lockedJson(result.locked),
    });
  return result;
}

class Removal {
  readonly #options: ExecuteOptions;
  readonly #progress: RemovalProgress;
  readonly #failures: string[] = [];
  readonly #yielded = new Set<string>();
  readonly #removed: string[] = [];
  #locked: LockedObjects | undefined;
  #objectCount = 0;
  #freedBytes = 0;
  #isClockChecked = false;
  #areRecordsLeft = false;
  #hasNewRestore = false;

  constructor(options: ExecuteOptions) {
    this.#options = options;
    this.#progress = new RemovalProgress(options.log, countRemovals(options.plan, options.state));
  }

  result(): Removed {
    return {
      backups: this.#removed,
      objectCount: this.#objectCount,
      freedBytes: this.#freedBytes,
      failures: this.#failures,
      locked: this.#locked,
      yielded: [...this.#yielded],
    };
  }

  async announceBackups(): Promise<void> {
    const announced = this.#options.state.expiring;
    for (const backup of this.#going()) {
      if (backup.state !== 'unfinished' && !announced.has(backup.id))
        await this.#note(expiringNote(backup.id, reasonsOf(backup)));
    }
  }

  /**
   * Keeps the backups that a new backup claims as its parents. A backup writes its claim and then looks for the
   * announcement of a removal; cleanup writes its announcement and then looks for claims. The second of the two sees
   * the first, and yields.
   */
  async yieldToClaims(): Promise<void> {
    const { repository, system, state, log, signal } = this.#options;
    if (this.#going().length === 0) return;
    const known = new Set(
      [...state.backups.map(({ record }) => record), ...state.unreadable, ...state.unfinished].map(
        ({ id }) => id,
      ),
    );
    const prefix = backupsPrefix(system);
    for await (const entry of repository.store.list({ prefix, delimiter: '/', signal })) {
      const id = 'prefix' in entry ? entry.prefix.slice(prefix.length, -1) : undefined;
      if (id === undefined || known.has(id)) continue;
      if (!isBackupId(id)) {
        const problem = `${prefix}${id}/ holds no backup and is passed over`;
        log.emit({ kind: 'cleanup-in-doubt', repository: repository.name, problem, hint: foreignHint });
        continue;
      }
      const claim = await readParentClaim(repository, system, id, signal);
      for (const kept of this.#claimedBy(claim)) {
        if (this.#yielded.has(kept)) continue;
        this.#yielded.add(kept);
        log.emit({ kind: 'backup-yielded-to-child', repository: repository.name, backup: kept, child: id });
      }
    }
  }

  /** Keeps what was pinned since the plan was made. A pin looks for the announcement of a removal, as a claim does. */
  async yieldToPins(): Promise<void> {
    const { repository, system, now, log, signal } = this.#options;
    if (this.#going().length === 0) return;
    for (const id of await surveySystem(repository, system, signal).pinned(now))
      for (const kept of this.#chain(id)) {
        if (this.#yielded.has(kept)) continue;
        this.#yielded.add(kept);
        log.emit({ kind: 'backup-yielded-to-pin', repository: repository.name, backup: kept, pinned: id });
      }
  }

  /**
   * Keeps what a restore has claimed since the plan was made. A restore writes its claim and then looks for announcements
   * of removals, as a backup does, so this comes between each announcement and its removal. The WAL stays until the next
   * run, which plans with the claim.
   */
  async yieldToRestores(): Promise<void> {
    const { repository, system, state, plan, now, log, signal } = this.#options;
    if (this.#going().length === 0 && plan.wal.every(({ action }) => action === 'keep')) return;
    const known = new Set(state.restores.map(nameOfRestore));
    const survey = surveySystem(repository, system, signal);
    for (const restore of await survey.restoresInProgress(now)) {
      if (known.has(nameOfRestore(restore))) continue;
      this.#hasNewRestore = true;
      for (const kept of this.#chain(restore.backupId)) this.#yielded.add(kept);
      const { backupId: backup, host, directory } = restore;
      log.emit({ kind: 'cleanup-yielded-to-restore', repository: repository.name, backup, host, directory });
    }
  }

  /** Removes children before parents, so that each backup left after a crash is whole. */
  async removeBackups(): Promise<void> {
    const { repository, system, log } = this.#options;
    for (const backup of childrenFirst(this.#going(), this.#options.state)) {
      if (this.#yielded.has(backup.id)) continue;
      if (backup.state !== 'unfinished') {
        const record = commitRecordKey(system, backup.id);
        // The signature is deleted second: a record without its signature would be untrusted.
        if ((await this.#delete([record])).size > 0) {
          this.#areRecordsLeft = true;
          continue;
        }
        await this.#delete([signatureKey(record)]);
      }
      if (!(await this.#deleteListed(this.#backupObjects(backup.id)))) continue;
      this.#removed.push(backup.id);
      log.emit({ kind: 'backup-removed', repository: repository.name, backup: backup.id });
    }
  }

  async removeWal(): Promise<void> {
    const { repository, system, state, plan, log, signal } = this.#options;
    const { geometry } = state;
    // A backup that is kept after all needs its WAL, which this plan does not keep. The next run plans with it.
    if (geometry === undefined || this.#yielded.size > 0 || this.#areRecordsLeft || this.#hasNewRestore)
      return;
    const ranges = plan.wal.filter(({ action }) => action === 'remove');
    for (const range of ranges) await this.#note(removedWalNote(range, geometry, reasonsOf(range)));
    await this.yieldToRestores();
    if (this.#hasNewRestore) return;
    for (const range of ranges) {
      const objects = listWalObjects(repository, system, range, { geometry, signal });
      if (await this.#deleteListed(objects))
        log.emit({
          kind: 'wal-removed',
          repository: repository.name,
          firstSegment: range.firstSegment,
          lastSegment: range.lastSegment,
        });
    }
  }

  /** Removes notes that say nothing more; one that is locked waits for a later run. */
  async removeOldNotes(): Promise<void> {
    const { repository, state, signal } = this.#options;
    const keys = state.outdatedNotes.flatMap(key => [key, signatureKey(key)]);
    for (let index = 0; index < keys.length; index += batchSize) {
      const failures = await repository.store.delete(keys.slice(index, index + batchSize), { signal });
      for (const { key, error } of failures)
        if (error.lockedUntil === undefined)
          this.#failures.push(`${repository.store.url}: ${key}: ${messageOf(error)}`);
    }
  }

  #going(): BackupDecision[] {
    return this.#options.plan.backups.filter(({ action }) => action === 'remove');
  }

  /** The backups to be removed that a claim may build on. */
  #claimedBy(claim: ParentClaim): string[] {
    if (claim.kind === 'unproven') return [];
    if (claim.kind === 'unknown') return this.#going().map(({ id }) => id);
    return claim.kind === 'named' ? this.#chain(claim.parent) : [];
  }

  #chain(parent: string): string[] {
    const going = new Set(this.#going().map(({ id }) => id));
    const parents = new Map(this.#options.state.backups.map(({ record }) => [record.id, record.parent]));
    const chain: string[] = [];
    for (
      let id: string | undefined = parent;
      id !== undefined && going.has(id) && !chain.includes(id);
      id = parents.get(id)
    )
      chain.push(id);
    return chain;
  }

  async *#backupObjects(id: string): AsyncGenerator<Item> {
    const { repository, system, signal } = this.#options;
    for await (const entry of repository.store.list({ prefix: backupPrefix(system, id), signal }))
      if ('key' in entry) yield entry;
  }

  /** Deletes the listed objects in batches; true if all are gone. A failure does not stop the other deletions. */
  async #deleteListed(items: AsyncIterable<Item>): Promise<boolean> {
    let batch: Item[] = [];
    let failedCount = 0;
    const flush = async () => {
      const failed = await this.#delete(batch.map(({ key }) => key));
      const gone = batch.filter(({ key }) => !failed.has(key));
      this.#objectCount += gone.length;
      this.#freedBytes += gone.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
      failedCount += failed.size;
      this.#progress.add(batch.length);
      batch = [];
    };
    for await (const item of items) {
      batch.push(item);
      if (batch.length === batchSize) await flush();
    }
    if (batch.length > 0) await flush();
    return failedCount === 0;
  }

  /** Deletes the keys. @returns the keys that could not be deleted */
  async #delete(keys: readonly string[]): Promise<Set<string>> {
    const { repository, signal } = this.#options;
    const failures = await repository.store.delete(keys, { signal });
    for (const { key, error } of failures)
      if (error.lockedUntil !== undefined) this.#countLocked(key, error.lockedUntil);
      else this.#failures.push(`${repository.store.url}: ${key}: ${messageOf(error)}`);
    return new Set(failures.map(({ key }) => key));
  }

  /** All locked objects together: a lock that is longer than the policy would otherwise fill the log. */
  #countLocked(key: string, until: Date): void {
    const {
      objectCount,
      firstKey,
      until: longest,
    } = this.#locked ?? { objectCount: 0, firstKey: key, until };
    this.#locked = { objectCount: objectCount + 1, firstKey, until: until > longest ? until : longest };
  }

  async #note(note: NewNote): Promise<void> {
    const { repository, system, signal } = this.#options;
    await writeNote(repository, system, note, signal);
    if (!this.#isClockChecked) await this.#checkClock(note.subject);
    this.#isClockChecked = true;
  }

  /** Compares the clocks: this host's clock measures the window, and if it is far ahead, every backup looks old. */
  async #checkClock(subject: string): Promise<void> {
    const { repository, system, now, signal } = this.#options;
    let storeMs = 0;
    for await (const entry of repository.store.list({ prefix: notesPrefix(system, subject), signal }))
      if ('key' in entry) storeMs = Math.max(storeMs, entry.modified.getTime());
    if (storeMs === 0 || now.getTime() - storeMs <= clockToleranceMs) return;
    throw new WalvaultError(
      'refused',
      `${repository.store.url}: this host's clock says ${now.toISOString()}, the store's ${new Date(storeMs).toISOString()}; nothing was removed`,
      { hint: 'Set the clock right: retention is measured by it.' },
    );
  }
}

function lockedJson({ objectCount, firstKey, until }: LockedObjects) {
  return { objectCount, firstKey, until: until.toISOString() };
}

interface Item {
  readonly key: string;
  readonly sizeBytes: number;
}

function nameOfRestore({ backupId, restoreId }: RestoreInProgress): string {
  return `${backupId} ${restoreId}`;
}

function reasonsOf({ reasons }: { reasons: readonly { readonly code: string }[] }): string[] {
  return reasons.map(({ code }) => code);
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
