/**
 * One WAL file, delivered from the first repository that has it and verified before it gets its name.
 * The agent's prefetch shares this code with fetch, so that both check a file in the same way.
 */
import type { ByteStream } from '../../base/bytes/streams.ts';
import { hasTimedOut, type Deadline } from '../../base/time/deadline.ts';
import { WalvaultError } from '../../base/errors/errors.ts';
import type { FileIdentity } from '../../base/files/identity.ts';
import type { Turns } from '../../base/threads/turns.ts';
import type { WalFileName } from '../../postgres/wal/file-name.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import { parseTimelineHistory } from '../../postgres/wal/timeline-history.ts';
import { checkSegment } from '../../postgres/wal/segment-check.ts';
import { firstBelieved } from '../../repository/wal/believed-wal.ts';
import { partialPrefix, walKey, type SystemPath } from '../../repository/format/layout.ts';
import { RepositoryFailure, type Repository } from '../../repository/repository.ts';
import { listPartials } from '../../repository/wal/listing.ts';
import { collectHistory } from '../../repository/wal/timelines.ts';
import { mostBytesOfWalFile, NotBelievedError, openWalObject } from '../../repository/wal/read-object.ts';
import { isStoreError } from '../../stores/store.ts';
import { deliver, deliverWhole, type ReceivedFile } from './destination.ts';
import type { Laggards } from './laggards.ts';
import type { Log } from '../../observe/events/events.ts';
import { toPlainError } from '../../base/errors/plain-error.ts';

export interface DeliveryOptions {
  readonly destination: string;
  readonly system: SystemPath;
  readonly geometry: WalGeometry;
  readonly headerCheck: boolean;
  /** In the order in which they are asked, except that `laggards` come last. */
  readonly repositories: readonly Repository[];
  readonly laggards: Laggards;
  /** One deadline for all repositories together; each piece that arrives from a store restarts it. */
  readonly deadline: Deadline;
  /** Told of each of these pieces. */
  readonly onReceived?: (() => void) | undefined;
  readonly log: Log;
  /** Shared by deliveries that run side by side: only one of them at a time holds a whole file in memory. */
  readonly turns?: Turns | undefined;
}

export type Delivery =
  | { readonly repository: Repository; readonly identity: FileIdentity }
  /**
   * No repository delivered the file: `absentIn` do not have it, the others failed. In `deletedIn`, which are among
   * `absentIn`, it once was: on a versioned bucket a delete marker proves that.
   */
  | {
      readonly failures: readonly WalvaultError[];
      readonly absentIn: readonly Repository[];
      readonly deletedIn: readonly Repository[];
      /** Those, also among `absentIn`, where somebody may have planted what is there, with the reason. */
      readonly foreignIn: ReadonlyMap<Repository, NotBelievedError>;
    };

/**
 * Delivers `file` whole and durable, or leaves `destination` untouched. A repository that does not answer within its
 * share of the time counts as failed, and the next one is asked.
 * @throws the deadline's reason, and any error that is not a WalvaultError
 */
export async function deliverFromFirst(options: DeliveryOptions, file: WalFileName): Promise<Delivery> {
  const { deadline, laggards, log } = options;
  const repositories = laggards.putLast(options.repositories);
  const naming = (repository: Repository, error: WalvaultError) =>
    repositories.length > 1 ? new RepositoryFailure(repository, error) : error;
  const failures: WalvaultError[] = [];
  const tellFailures = () =>
    failures.forEach(error => log.emit({ kind: 'repository-failed', failure: toPlainError(error) }));
  const absentIn: Repository[] = [];
  const deletedIn: Repository[] = [];
  const foreignIn = new Map<Repository, NotBelievedError>();
  for (const [index, repository] of repositories.entries()) {
    const share = deadline.share(repositories.length - index, `fetch ${file.name}`);
    try {
      const identity = await deliverFrom(repository, { ...options, deadline: share }, file);
      tellFailures();
      return { repository, identity };
    } catch (thrown) {
      if (hasTimedOut(share.signal)) laggards.add(repository);
      if (deadline.signal.aborted) {
        tellFailures();
        throw hasTimedOut(deadline.signal)
          ? naming(repository, deadline.signal.reason as WalvaultError)
          : deadline.signal.reason;
      }
      const error: unknown =
        share.signal.aborted && !(thrown instanceof WalvaultError) ? share.signal.reason : thrown;
      if (!(error instanceof WalvaultError)) throw error;
      if (isStoreError(error, 'absent')) {
        absentIn.push(repository);
        if (error.hasDeleteMarker) deletedIn.push(repository);
      } else if (error instanceof NotBelievedError && file.kind !== 'history' && file.kind !== 'partial') {
        absentIn.push(repository);
        foreignIn.set(repository, error);
        const { codec, name } = repository;
        const object = keyOf(options, file);
        const event = { kind: 'not-believed', repository: name, what: 'segments', count: 1 } as const;
        codec.emitOnce(`foreign ${object}`, { ...event, object, problem: error.problem });
      } else if (countsAsFailure(repository, error)) failures.push(naming(repository, error));
      else
        log.emit({ kind: 'best-effort-failed', repository: repository.name, failure: toPlainError(error) });
    } finally {
      share.clear();
    }
  }
  return { failures, absentIn, deletedIn, foreignIn };
}

/** A best-effort repository may be unreachable. But if it has the file and cannot deliver it, the file existed. */
function countsAsFailure(repository: Repository, error: WalvaultError): boolean {
  return (
    repository.required || ['damaged', 'key', 'invalid-file', 'cold-tier', 'local-io'].includes(error.code)
  );
}

async function deliverFrom(
  repository: Repository,
  options: DeliveryOptions,
  file: WalFileName,
): Promise<FileIdentity> {
  const { deadline, turns } = options;
  const key = file.kind === 'partial' ? await newestPartial(repository, options, file) : keyOf(options, file);
  const source = `${repository.store.url}: ${key}`;
  const { plain, release } = await openWalObject(repository, key, {
    limitBytes: mostBytesOfWalFile(file, options.geometry.segmentSizeBytes),
    signal: deadline.signal,
    onReceived() {
      deadline.restart();
      options.onReceived?.();
    },
    turns,
  });
  try {
    if (file.kind === 'history') return await deliverHistory(options.destination, plain, file, source);
    return await deliver(options.destination, plain, received => {
      // All bytes are written: the fsync, which takes longest, needs no memory.
      release();
      refuseWrongFile(options, file, received, source);
    });
  } finally {
    release();
  }
}

/** PostgreSQL ends with FATAL on a history that it cannot read. @throws WalvaultError `damaged` */
async function deliverHistory(
  destination: string,
  plain: ByteStream,
  { timeline }: WalFileName,
  source: string,
): Promise<FileIdentity> {
  const content = await collectHistory(plain, source);
  parseTimelineHistory(timeline, content.toString('utf8'), source);
  return await deliverWhole(destination, content);
}

export function keyOf({ system }: Pick<DeliveryOptions, 'system'>, file: WalFileName): string {
  return file.kind === 'partial' ? partialPrefix(system, file) : walKey(system, file);
}

/**
 * The key of the newest partial that the policy believes, for a fetch by hand: PostgreSQL never asks for a partial. Where
 * none is believed it is the newest of all, so that the error says why.
 */
async function newestPartial(
  repository: Repository,
  options: DeliveryOptions,
  file: WalFileName & { kind: 'partial' },
): Promise<string> {
  const { signal } = options.deadline;
  const prefix = partialPrefix(options.system, file);
  const found = await listPartials(repository, prefix, signal);
  const keys = found.sort((a, b) => b.modified.getTime() - a.modified.getTime()).map(({ key }) => key);
  return (await firstBelieved(repository, keys, signal)) ?? keys[0] ?? prefix.slice(0, -1);
}

function refuseWrongFile(
  options: DeliveryOptions,
  file: WalFileName,
  received: ReceivedFile,
  source: string,
): void {
  if (file.kind !== 'segment' && file.kind !== 'partial') return;
  const { system, geometry } = options;
  const { sizeBytes, head } = received;
  const { problems, isDamaged } = checkSegment({
    file,
    sizeBytes,
    firstPage: head,
    systemId: system.systemId,
    geometry,
  });
  const counted = options.headerCheck
    ? problems
    : sizeBytes === geometry.segmentSizeBytes
      ? []
      : [`it has ${sizeBytes} bytes, a segment has ${geometry.segmentSizeBytes}`];
  if (counted.length === 0) return;
  // Without the check of headers only the size is known to be wrong.
  const code = isDamaged || !options.headerCheck ? 'damaged' : 'invalid-file';
  throw new WalvaultError(code, `${source}: ${counted.join('; ')}`);
}
