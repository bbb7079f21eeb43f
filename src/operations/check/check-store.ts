/** The check of a store: it tests each guarantee that walvault needs, because some stores have broken theirs. */
import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { collect } from '../../base/bytes/streams.ts';
import { nameOfUser } from '../../base/account.ts';
import { messageOf } from '../../base/errors/errors.ts';
import { shellWord } from '../../base/shell-word.ts';
import { sha256Hex } from '../../repository/format/json-object.ts';
import { clusterPrefix } from '../../repository/format/layout.ts';
import { verifyMarker } from '../../repository/format/marker.ts';
import type { Repository } from '../../repository/repository.ts';
import { isStoreError, type Store } from '../../stores/store.ts';
import { failure, ok, warning, type Checklist, type Finding } from './checklist.ts';
import { newProbePrefix, putProbe, removeProbes } from './probe.ts';

const probeBytes = 64 * 1024;
const raceRounds = 5;
const racers = 4;

export interface StoreCheckOptions {
  readonly cluster: string;
  readonly signal: AbortSignal;
}

/** @returns false if the repository cannot be written and read at all */
export async function checkStore(
  list: Checklist,
  repository: Repository,
  { cluster, signal }: StoreCheckOptions,
): Promise<boolean> {
  const { store } = repository;
  const link = linkOf(repository);
  const prefix = newProbePrefix();
  const marked = await list.prove(link, 'format marker', {
    signal,
    work: () => markerFindings(repository, signal),
  });
  if (marked === undefined) return false;
  try {
    const steps: [string, () => Promise<Finding | Finding[]>][] = [
      ['write, read, list, delete', () => roundTrip(store, prefix, signal)],
      [
        'an absent key',
        () => absentFinding(store, [`${prefix}absent`, `${clusterPrefix(cluster)}${prefix}absent`], signal),
      ],
      ['create-if-absent', () => creationFinding(store, `${prefix}race-`, signal)],
      ['uploads in parts', () => joinFindings(store, `${prefix}joined`, signal)],
      ['checksums', () => checksumFindings(store, prefix, signal)],
      ['what others wrote', () => closedFindings(store, cluster, signal)],
    ];
    let isUsable = true;
    for (const [what, work] of steps)
      isUsable = (await list.prove(link, what, { signal, work })) !== undefined && isUsable;
    return isUsable;
  } finally {
    await list.prove(link, 'removing probes', { signal, work: () => removalFindings(store, prefix, signal) });
  }
}

export function linkOf({ name }: Repository): string {
  return `repository ${name}`;
}

async function markerFindings(repository: Repository, signal: AbortSignal): Promise<Finding[]> {
  const { id } = await verifyMarker(repository, signal);
  const found = ok(`${repository.store.url}: repository ${id}`);
  if (repository.expectedId !== undefined) return [found];
  return [
    found,
    warning(
      'the configuration does not say which repository this must be',
      `Set id = "${id}" for it: then an empty disk or another bucket in its place is noticed.`,
    ),
  ];
}

async function roundTrip(store: Store, prefix: string, signal: AbortSignal): Promise<Finding> {
  const key = `${prefix}object`;
  const body = randomBytes(probeBytes);
  const metadata = { probe: sha256Hex(body) };
  await putProbe(store, key, body, { metadata, signal });
  const whole = await store.get(key, { signal });
  if (!(await collect(whole.body, probeBytes * 2)).equals(body))
    return failure('what is read is not what was written');
  if (whole.stat.metadata['probe'] !== metadata.probe)
    return failure('metadata is lost: the store or something before it removes it');
  const range = { start: 1000, end: 2000 };
  const part = await collect((await store.get(key, { range, signal })).body, probeBytes);
  if (!part.equals(body.subarray(range.start, range.end))) return failure('a ranged read gives other bytes');
  const stat = await store.head(key, { signal });
  if (stat?.sizeBytes !== probeBytes) return failure('the size that is told is not what was written');
  if (!(await isListed(store, key, signal))) return failure('an object that was written is not listed');
  const [problem] = await store.delete([key], { signal });
  if (problem !== undefined) throw problem.error;
  if (await isListed(store, key, signal)) return failure('a deleted object is still listed');
  return ok('writes, reads, lists and deletes');
}

async function isListed(store: Store, key: string, signal: AbortSignal): Promise<boolean> {
  for await (const entry of store.list({ prefix: key, signal }))
    if ('key' in entry && entry.key === key) return true;
  return false;
}

/** The store must answer "absent" for a missing object: with "denied", every recovery would end in an error. */
async function absentFinding(store: Store, keys: readonly string[], signal: AbortSignal): Promise<Finding> {
  for (const key of keys) {
    try {
      await store.get(key, { range: { start: 0, end: 1 }, signal });
      return failure(`a random key, ${key}, reads as an object`);
    } catch (error) {
      if (isStoreError(error, 'absent')) continue;
      if (!isStoreError(error, 'denied')) throw error;
      return failure(
        `a key that does not exist reads as denied: ${messageOf(error)}`,
        'Allow listing the bucket (s3:ListBucket): without it the service does not tell what is absent from what is forbidden, and a recovery cannot find the end of the archive.',
      );
    }
  }
  return ok('a key that does not exist reads as absent, not as denied');
}

/** P2 depends on this: of several creators of one object exactly one wins, and its content stays. */
async function creationFinding(store: Store, prefix: string, signal: AbortSignal): Promise<Finding> {
  if (store.capabilities.conditionalCreate === 'none') return await emulatedFinding(store, prefix, signal);
  const hint =
    'Two servers that archive to the same place could overwrite each other here. Use a store with conditional writes, or add conditional-create=none to the URL: then each key is looked up before it is written, and only writers of the same instant can still overwrite each other.';
  for (let round = 0; round < raceRounds; round++) {
    const key = `${prefix}${round}`;
    const bodies = Array.from({ length: racers }, () => randomBytes(1024));
    const results = await Promise.allSettled(bodies.map(body => putProbe(store, key, body, { signal })));
    for (const result of results)
      if (result.status === 'rejected' && !isStoreError(result.reason, 'exists')) throw result.reason;
    const winners = bodies.filter((_, index) => results[index]?.status === 'fulfilled');
    const [winner] = winners;
    if (winner === undefined || winners.length > 1)
      return failure(`of ${racers} that created one key at the same time ${winners.length} succeeded`, hint);
    if (await isOverwritten(store, key, winner, signal))
      return failure('an object that exists was replaced by a conditional create', hint);
  }
  return ok(
    `create-if-absent holds: ${raceRounds} races of ${racers}, one winner each, its content untouched`,
  );
}

/** Without conditional requests, the driver looks first. That keeps an existing object, but does not decide a race. */
async function emulatedFinding(store: Store, prefix: string, signal: AbortSignal): Promise<Finding> {
  const key = `${prefix}once`;
  const body = randomBytes(1024);
  await putProbe(store, key, body, { signal });
  if (await isOverwritten(store, key, body, signal))
    return failure('an object that exists was replaced, though its key is looked up first');
  return warning(
    'the store cannot create an object only if it is absent; each key is looked up before it is written',
    'What is archived stays, but of two servers that archive the same name in the same instant the later one wins unnoticed. Where that can happen use a store with conditional writes.',
  );
}

/** Tests an upload in parts, which push uses for segments of more than 32 MiB, and backup for its parts. */
async function joinFindings(store: Store, key: string, signal: AbortSignal): Promise<Finding[]> {
  if (store.joinsOnlyIfAbsent === undefined || store.capabilities.conditionalCreate === 'none') return [];
  if (await store.joinsOnlyIfAbsent(key, { signal }))
    return [ok('an upload in parts does not replace what is there')];
  return [
    warning(
      'the service joins the parts of an upload without looking whether the key is taken; walvault looks just before',
      'Segments of up to 32 MB are not written in parts and are safe. Of two servers that archive the same larger segment in the same instant the later one wins unnoticed: Ceph decides that too from release 20 on.',
    ),
  ];
}

async function isOverwritten(
  store: Store,
  key: string,
  winner: Buffer,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    await putProbe(store, key, randomBytes(1024), { signal });
    return true;
  } catch (error) {
    if (!isStoreError(error, 'exists')) throw error;
  }
  const { body } = await store.get(key, { signal });
  return !(await collect(body, probeBytes)).equals(winner);
}

async function checksumFindings(store: Store, prefix: string, signal: AbortSignal): Promise<Finding[]> {
  const key = `${prefix}checksum`;
  try {
    await putProbe(store, key, randomBytes(1024), {
      sha256: sha256Hex(Buffer.from('something else')),
      signal,
    });
    return [failure('a body with a wrong SHA-256 was accepted')];
  } catch (error) {
    if (!isStoreError(error, 'invalid') && !isStoreError(error, 'damaged')) throw error;
  }
  if (await isListed(store, key, signal))
    return [failure('a body with a wrong SHA-256 was refused and is there')];
  const own = ok('a body with a wrong checksum is refused and leaves nothing');
  if (store.refusesWrongChecksum === undefined) return [own];
  if (await store.refusesWrongChecksum(`${prefix}transport`, { signal }))
    return [own, ok('the service itself refuses what does not match its transport checksum')];
  const message = 'the service accepts an object whose transport checksum is wrong';
  return URL.parse(store.url)?.searchParams.get('payload') === 'signed'
    ? [own, ok(`${message}; with payload=signed the request's signature covers the bytes`)]
    : [
        own,
        failure(
          message,
          "Bytes damaged on the way would be stored as they are. Add payload=signed to the repository's URL: then the request's signature covers them.",
        ),
      ];
}

/** Root closes a directory repository to the server's account where it writes without giving the files away. */
async function closedFindings(store: Store, cluster: string, signal: AbortSignal): Promise<Finding[]> {
  const closed = await store.findClosed?.(cluster, { signal });
  if (closed === undefined) return [];
  const { path, isDirectory, ownerId, userId } = closed;
  const [owner, user] = await Promise.all([nameOfUser(ownerId), nameOfUser(userId)]);
  const cannot = isDirectory ? 'cannot be read and written' : 'cannot be read';
  const directory = shellWord(fileURLToPath(store.url));
  return [
    failure(
      `${path} belongs to ${owner} and ${cannot} by ${user}`,
      `Perhaps it is not the only one. As root: chown -R --reference=${directory} ${directory}`,
    ),
  ];
}

async function removalFindings(store: Store, prefix: string, signal: AbortSignal): Promise<Finding[]> {
  const left = await removeProbes(store, prefix, signal);
  if (left.length === 0) return [];
  return [
    warning(
      `${left.length} probe objects could not be removed, among them ${left[0] ?? ''}`,
      'They are small and nothing reads them. Under an object lock they go when it ends.',
    ),
  ];
}
