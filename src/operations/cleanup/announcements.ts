/** The notes that announce removals, written before the first deletion, and what they tell of the clocks. */
import { WalvaultError } from '../../base/errors/errors.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import { notesPrefix } from '../../repository/format/layout.ts';
import { expiringNote } from '../../repository/format/notes/expiring.ts';
import { writeNote, type NewNote } from '../../repository/format/notes/note.ts';
import { removedWalNote } from '../../repository/format/notes/removed-wal.ts';
import type { BackupDecision, WalDecision } from './decisions.ts';
import type { ExecuteOptions } from './execute-options.ts';

const clockToleranceMs = 3_600_000;

/** Both methods throw WalvaultError `refused` if this host's clock contradicts the store's clock. */
export class Announcements {
  readonly #options: ExecuteOptions;
  #isClockChecked = false;

  constructor(options: ExecuteOptions) {
    this.#options = options;
  }

  /** A backup without a record counts for nothing, and an earlier run may have announced the others. */
  async announceBackups(going: readonly BackupDecision[]): Promise<void> {
    const announced = this.#options.state.expiring;
    for (const backup of going)
      if (backup.state !== 'unfinished' && !announced.has(backup.id))
        await this.#note(expiringNote(backup.id, reasonsOf(backup)));
  }

  async announceWal(ranges: readonly WalDecision[], geometry: WalGeometry): Promise<void> {
    for (const range of ranges) await this.#note(removedWalNote(range, geometry, reasonsOf(range)));
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

function reasonsOf({ reasons }: { readonly reasons: readonly { readonly code: string }[] }): string[] {
  return reasons.map(({ code }) => code);
}
