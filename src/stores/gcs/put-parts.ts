/**
 * A resumable upload of a stream that can be read only once ("Resumable uploads" of Cloud Storage). A failed chunk is
 * continued at the position that the service reports; any other failure cancels the upload. The last chunk carries the
 * CRC-32C of the whole object, so that the service never shows an object with other bytes than were sent.
 */
import type { Part } from '../driver-kit/part-reader.ts';
import type { LongBody } from '../driver-kit/put-body.ts';
import { retryTransient } from '../driver-kit/retry.ts';
import { tidyUp } from '../driver-kit/tidy-up.ts';
import { StoreError, type PutOptions } from '../store.ts';
import { Crc32c } from './checksum.ts';
import { discardBody, type GcsAnswer, type GcsConnection } from './connection.ts';
import { resourceOf, uploadPath, type GcsPutSettings } from './creation.ts';

interface Session {
  readonly connection: GcsConnection;
  readonly key: string;
  /** The path names the upload and gives the right to write it: never show it in a message. */
  readonly path: string;
  readonly signal: AbortSignal;
}

/** The status of a cancelled upload ("Cancel an upload"). */
const clientClosedRequest = 499;
const resumeIncomplete = 308;

export async function putInParts(
  connection: GcsConnection,
  key: string,
  body: LongBody,
  options: PutOptions & GcsPutSettings,
): Promise<void> {
  const path = await retryTransient(() => openSession(connection, key, options), options.signal);
  const session = { connection, key, path, signal: options.signal };
  try {
    await sendParts(session, body);
  } catch (error) {
    await cancel(session);
    throw error;
  }
}

async function openSession(
  connection: GcsConnection,
  key: string,
  options: PutOptions & GcsPutSettings,
): Promise<string> {
  const location = await connection.send(
    { action: `put ${key}`, signal: options.signal, notFound: 'no-container' },
    {
      method: 'POST',
      path: uploadPath(connection, 'resumable', options),
      headers: {
        'content-type': 'application/json',
        'x-upload-content-type': 'application/octet-stream',
      },
      body: [Buffer.from(JSON.stringify(resourceOf(connection, key, options)))],
    },
    async answer => {
      await discardBody(answer);
      return answer.headers.location;
    },
  );
  const url = location === undefined ? null : URL.parse(location);
  if (url === null) throw new StoreError('invalid', `put ${key}: the service gave no upload address`);
  return url.pathname + url.search;
}

/** Sends a chunk while the next is read: two buffers for any length. */
async function sendParts(session: Session, { first, parts, check }: LongBody): Promise<void> {
  const crc = new Crc32c();
  let offset = 0;
  for (let part: Part | undefined = first; part !== undefined;) {
    const { data, isLast }: Part = part;
    crc.update(data);
    if (isLast) {
      check.finish();
      await sendChunk(session, {
        data,
        offset,
        whole: { crc32c: crc.toBase64(), sizeBytes: offset + data.length },
      });
      return;
    }
    const [sent, next]: [PromiseSettledResult<void>, PromiseSettledResult<Part | undefined>] =
      await Promise.allSettled([sendChunk(session, { data, offset }), parts.next(session.signal)]);
    if (next.status === 'rejected') throw next.reason;
    if (sent.status === 'rejected') throw sent.reason;
    offset += data.length;
    part.release();
    part = next.value;
  }
}

interface Chunk {
  readonly data: Uint8Array;
  /** The position of the chunk in the object. */
  readonly offset: number;
  /** Checksum and size of the whole object, with the last chunk. */
  readonly whole?: { readonly crc32c: string; readonly sizeBytes: number };
}

type Progress = { readonly isDone: true } | { readonly isDone: false; readonly receivedBytes: number };

async function sendChunk(session: Session, chunk: Chunk): Promise<void> {
  const { data, offset, whole } = chunk;
  let sentBytes = 0;
  let isUnsure = false;
  for (let isSent = false; !isSent;) {
    const progress = await retryTransient(async () => {
      if (isUnsure) {
        const known = await askProgress(session);
        if (known.isDone) return known;
        sentBytes = known.receivedBytes - offset;
        isUnsure = false;
        // The chunk arrived; only the answer was lost.
        if (whole === undefined && sentBytes === data.length) return known;
      }
      assertContinuable(session, chunk, sentBytes);
      isUnsure = true;
      const reached = await sendRest(session, chunk, sentBytes);
      isUnsure = false;
      return reached;
    }, session.signal);
    if (progress.isDone && whole === undefined)
      throw new StoreError('damaged', `put ${session.key}: the service ended the upload early`);
    const reachedBytes = progress.isDone ? data.length : progress.receivedBytes - offset;
    // The last chunk has arrived only when the service reports the object.
    isSent = progress.isDone || (whole === undefined && reachedBytes === data.length);
    if (!isSent && reachedBytes <= sentBytes)
      throw new StoreError('unreachable', `put ${session.key}: the service takes no more of the upload`);
    sentBytes = reachedBytes;
  }
}

/** Throws if the service has dropped bytes before this chunk: they are no longer in memory. */
function assertContinuable({ key }: Session, { data }: Chunk, sentBytes: number): void {
  if (sentBytes < 0 || sentBytes > data.length)
    throw new StoreError('damaged', `put ${key}: the service lost its place in the upload`);
}

async function sendRest(
  session: Session,
  { data, offset, whole }: Chunk,
  sentBytes: number,
): Promise<Progress> {
  const rest = data.subarray(sentBytes);
  const start = offset + sentBytes;
  const range = rest.length === 0 ? '*' : `${start}-${start + rest.length - 1}`;
  return await put(session, {
    headers: {
      'content-range': `bytes ${range}/${whole?.sizeBytes ?? '*'}`,
      ...(whole && { 'x-goog-hash': `crc32c=${whole.crc32c}` }),
    },
    body: [rest],
  });
}

async function askProgress(session: Session): Promise<Progress> {
  return await put(session, { headers: { 'content-range': 'bytes */*' }, body: [] });
}

async function put(
  { connection, key, path, signal }: Session,
  content: { headers: Record<string, string>; body: readonly Uint8Array[] },
): Promise<Progress> {
  return await connection.send(
    { action: `put ${key}`, signal, limit: 'idle', notFound: 'unreachable' },
    { method: 'PUT', path, accept: [resumeIncomplete], ...content },
    async (answer): Promise<Progress> => {
      await discardBody(answer);
      return progressOf(answer);
    },
  );
}

function progressOf({ status, headers }: GcsAnswer): Progress {
  if (status !== resumeIncomplete) return { isDone: true };
  const last = /^bytes=0-(\d+)$/.exec(headers.range ?? '')?.[1];
  return { isDone: false, receivedBytes: last === undefined ? 0 : Number(last) + 1 };
}

/** Cancels the upload. If this fails too, the service forgets the upload after a week; no part of it is visible. */
async function cancel({ connection, key, path }: Session): Promise<void> {
  await tidyUp(signal =>
    connection.send(
      { action: `cancel the upload of ${key}`, signal },
      { method: 'DELETE', path, accept: [clientClosedRequest] },
      discardBody,
    ),
  );
}
