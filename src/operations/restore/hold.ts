/**
 * The claim of a restore on its backup and WAL, so that no cleanup removes them while it reads (docs/restore-claims.md).
 *
 * It is a chain of notes: one before the first file is written, others at growing distances, one at the end. A restore that may not
 * write says so and goes on.
 */
import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { userName } from '../../base/account.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import { toPlainError } from '../../base/errors/plain-error.ts';
import { startDeadline } from '../../base/time/deadline.ts';
import { sleep } from '../../base/time/wait.ts';
import type { Log } from '../../observe/events/events.ts';
import { needsSignature } from '../../repository/encoding/signature-policy.ts';
import { restoredBytesOf, type BackupRecord } from '../../repository/format/backup-record.ts';
import type { SystemPath } from '../../repository/format/layout.ts';
import { writeNote } from '../../repository/format/notes/note.ts';
import {
  restoredNote,
  type RestoreClaim,
  type RestoreStage,
} from '../../repository/format/notes/restored.ts';
import type { Repository } from '../../repository/repository.ts';
import { unpackingHoldMs } from '../../repository/restores-in-progress.ts';

const minuteMs = 60_000;
const firstRenewalMs = 5 * minuteMs;
const longestRenewalMs = 6 * 60 * minuteMs;
/** For the last note of a restore that was interrupted: the process is about to end. */
const farewellMs = 5000;

export interface HoldOptions {
  readonly repository: Repository;
  readonly system: SystemPath;
  readonly backup: BackupRecord;
  /** The recovery target in words. */
  readonly target: string;
  /** Absolute. */
  readonly directory: string;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** Writes the first note, and renews it until the hold is ended or disposed of. */
export async function holdBackup(
  options: HoldOptions,
  stage: Extract<RestoreStage, 'thawing' | 'unpacking'>,
  forMs = unpackingHoldMs,
): Promise<RestoreHold> {
  const hold = new RestoreHold(options);
  await hold.enter(stage, forMs);
  return hold;
}

/** How long after the last note the next one is due: a restore of a day writes two dozen, each further day four. Pure. */
export function renewalMs(elapsedMs: number): number {
  return Math.min(Math.max(elapsedMs / 4, firstRenewalMs), longestRenewalMs);
}

export class RestoreHold implements AsyncDisposable {
  /** The log of the restore: the hold takes its progress from it. */
  readonly log: Log;
  readonly #options: HoldOptions;
  readonly #claim: RestoreClaim;
  readonly #stop = new AbortController();
  readonly #progress = { doneBytes: 0, totalBytes: 0 };
  #stage: RestoreStage = 'unpacking';
  #forMs = 0;
  #renewing: Promise<void> | undefined;
  /** Undefined: nothing was written yet. */
  #mayWrite: boolean | undefined;

  constructor(options: HoldOptions) {
    const { backup, target, directory, log } = options;
    const host = hostname();
    this.#options = options;
    this.#claim = {
      backupId: backup.id,
      restoreId: createHash('sha256').update(`${host}\0${directory}`).digest('hex').slice(0, 16),
      firstSegment: backup.geometry.nameOf(backup.timeline, backup.geometry.segmentOf(backup.startLsn)),
      target,
      host,
      user: userName(),
      directory,
      startTime: new Date(),
    };
    this.#progress.totalBytes = restoredBytesOf(backup);
    this.log = {
      emit: event => {
        if (event.kind === 'progress' && (event.stage === 'restore' || event.stage === 'recovery')) {
          this.#progress.doneBytes = event.doneBytes ?? 0;
          this.#progress.totalBytes = event.totalBytes ?? 0;
        }
        log.emit(event);
      },
    };
  }

  /** Says the new stage, which holds for `forMs` from each of its notes on. */
  async enter(stage: RestoreStage, forMs: number): Promise<void> {
    this.#stage = stage;
    this.#forMs = forMs;
    await this.#write(this.#options.signal);
    if (this.#mayWrite === true) this.#renewing ??= this.#renew();
  }

  /** Frees what was held. */
  async end(): Promise<void> {
    await this[Symbol.asyncDispose]();
    this.#stage = 'ended';
    this.#forMs = 0;
    // Of an interrupted restore, too.
    const deadline = startDeadline(farewellMs, 'the end of the claim');
    try {
      await this.#write(deadline.signal, { isLast: true });
    } finally {
      deadline.clear();
    }
  }

  /** Renews no more: what is held is free at the time that the last note says. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#renewing;
  }

  async #renew(): Promise<void> {
    const startedAt = performance.now();
    const signal = AbortSignal.any([this.#options.signal, this.#stop.signal]);
    try {
      for (;;) {
        await sleep(renewalMs(performance.now() - startedAt), signal);
        await this.#write(signal);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  /** A restore does not fail for its claim. */
  async #write(signal: AbortSignal, { isLast = false } = {}): Promise<void> {
    if (this.#mayWrite === false) return;
    const { repository, system, log } = this.#options;
    const until = new Date(Date.now() + this.#forMs);
    const note = restoredNote(this.#claim, { stage: this.#stage, ...this.#progress, until });
    try {
      await writeNote(repository, system, note, signal);
      if (this.#mayWrite === undefined) await this.#tellOfShortHold();
      this.#mayWrite = true;
    } catch (error) {
      if (!isLast) signal.throwIfAborted();
      if (!(error instanceof WalvaultError)) throw error;
      // Of those that follow, one may succeed again.
      this.#mayWrite ??= false;
      log.emit({ kind: 'restore-not-held', repository: repository.name, failure: toPlainError(error) });
    }
  }

  async #tellOfShortHold(): Promise<void> {
    const { repository, log } = this.#options;
    const { removalPolicy, keyring } = repository.codec;
    if (needsSignature(removalPolicy) && (await keyring.signer()) === undefined)
      log.emit({ kind: 'restore-held-briefly', repository: repository.name });
  }
}
