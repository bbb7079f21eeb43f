/**
 * What has come into use since the plan of a cleanup was made: backups that cleanup then keeps although the plan removes
 * them.
 *
 * A backup, a pin and a restore each write what they claim and then look for announcements of removals; cleanup announces and
 * then looks here. The second of the two sees the first, and yields. So every look comes between an announcement and its
 * removal.
 */
import { isBackupId } from '../../repository/format/backup-record.ts';
import { readParentClaim, type ParentClaim } from '../../repository/format/claim.ts';
import { backupsPrefix } from '../../repository/format/layout.ts';
import type { RestoreInProgress } from '../../repository/restores-in-progress.ts';
import { surveySystem, type SystemSurvey } from '../../repository/survey.ts';
import type { BackupDecision } from './decisions.ts';
import type { ExecuteOptions } from './execute-options.ts';

const foreignHint = 'A file server or another program made it there; delete it by hand if nobody needs it.';

export class UseSincePlan {
  readonly #options: ExecuteOptions;
  /** The backups to be removed. */
  readonly #going: ReadonlySet<string>;
  readonly #parents: ReadonlyMap<string, string | undefined>;
  readonly #yielded = new Set<string>();
  #hasNewRestore = false;

  constructor(options: ExecuteOptions, going: readonly BackupDecision[]) {
    this.#options = options;
    this.#going = new Set(going.map(({ id }) => id));
    this.#parents = new Map(options.state.backups.map(({ record }) => [record.id, record.parent]));
  }

  /** The backups that stay. */
  get yielded(): ReadonlySet<string> {
    return this.#yielded;
  }

  /** True if the plan does not know what WAL is needed now. The next run plans with it. */
  get needsWal(): boolean {
    return this.#yielded.size > 0 || this.#hasNewRestore;
  }

  /** To be called once the removal of backups is announced. */
  async lookBeforeBackups(): Promise<void> {
    const { repository, system, signal } = this.#options;
    if (this.#going.size > 0) await this.#lookForChildren();
    // One listing for both: whatever follows the announcement is late enough.
    const survey = surveySystem(repository, system, signal);
    if (this.#going.size > 0) await this.#lookForPins(survey);
    for (const { backupId } of await this.#newRestores(survey)) this.#yieldTo(this.#chain(backupId));
  }

  /** To be called once the removal of WAL is announced. A restore of a backup that is gone by now finds that out itself. */
  async lookBeforeWal(): Promise<void> {
    const { repository, system, signal } = this.#options;
    await this.#newRestores(surveySystem(repository, system, signal));
  }

  /** Keeps the backups that a new backup claims as its parents. */
  async #lookForChildren(): Promise<void> {
    const { repository, system, state, log, signal } = this.#options;
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
      for (const backup of this.#yieldTo(this.#claimedBy(claim)))
        log.emit({ kind: 'backup-yielded-to-child', repository: repository.name, backup, child: id });
    }
  }

  async #lookForPins(survey: SystemSurvey): Promise<void> {
    const { repository, now, log } = this.#options;
    for (const id of await survey.pinned(now))
      for (const backup of this.#yieldTo(this.#chain(id)))
        log.emit({ kind: 'backup-yielded-to-pin', repository: repository.name, backup, pinned: id });
  }

  /** The WAL that a new restore needs is not looked for: all of it stays. */
  async #newRestores(survey: SystemSurvey): Promise<RestoreInProgress[]> {
    const { repository, state, now, log } = this.#options;
    const known = new Set(state.restores.map(nameOf));
    const found = (await survey.restoresInProgress(now)).filter(restore => !known.has(nameOf(restore)));
    if (found.length > 0) this.#hasNewRestore = true;
    for (const { backupId: backup, host, directory } of found)
      log.emit({ kind: 'cleanup-yielded-to-restore', repository: repository.name, backup, host, directory });
    return found;
  }

  /** @returns those that did not stay already */
  #yieldTo(ids: readonly string[]): string[] {
    const more = ids.filter(id => !this.#yielded.has(id));
    for (const id of more) this.#yielded.add(id);
    return more;
  }

  /** The backups to be removed that a claim may build on. */
  #claimedBy(claim: ParentClaim): string[] {
    if (claim.kind === 'unproven') return [];
    if (claim.kind === 'unknown') return [...this.#going];
    return claim.kind === 'named' ? this.#chain(claim.parent) : [];
  }

  /** The backup, and those it builds on, as far as they are to be removed. */
  #chain(parent: string): string[] {
    const chain: string[] = [];
    for (
      let id: string | undefined = parent;
      id !== undefined && this.#going.has(id) && !chain.includes(id);
      id = this.#parents.get(id)
    )
      chain.push(id);
    return chain;
  }
}

function nameOf({ backupId, restoreId }: RestoreInProgress): string {
  return `${backupId} ${restoreId}`;
}
