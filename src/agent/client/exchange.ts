/** One question to the agent, and its answer. */
import { existsSync } from 'node:fs';
import type { Socket } from 'node:net';
import { monotonicMs } from '../../base/time/clock.ts';
import { encodeLine, maxLineBytes, parseReply, type Reply, type Request } from './protocol.ts';

/**
 * - `absent`: nobody listens. A socket that a killed agent left counts as nobody.
 * - `silent`: the agent takes no question, gives no sign of life, or gives no answer in time.
 * - `broken`: the agent ended before its answer.
 */
export type Answer =
  | Exclude<Reply, { kind: 'working' }>
  | { readonly kind: 'absent' | 'silent' | 'broken'; readonly detail: string };

export interface ExchangeOptions {
  /** Longest time without a sign of life. */
  readonly silenceMs: number;
  /** Longest wait for the answer, unless the agent says how long it may take; undefined: as long as the agent lives. */
  readonly mayTakeMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

const lingerMs = 10;

/** Asks one question. Every failure is an answer. @throws the signal's reason */
export async function exchange(
  socketPath: string,
  request: Request,
  options: ExchangeOptions,
): Promise<Answer> {
  // Without a socket, no network library is loaded.
  if (!existsSync(socketPath)) return { kind: 'absent', detail: 'no socket' };
  const { createConnection } = await import('node:net');
  return await ask(createConnection(socketPath), request, options);
}

function ask(socket: Socket, request: Request, options: ExchangeOptions): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let received = '';
    let isConnected = false;
    const { silenceMs } = options;
    let { mayTakeMs } = options;
    const askedAt = monotonicMs();
    let heardAt = askedAt;
    let timer: NodeJS.Timeout | undefined;
    const settle = (answer: Answer) => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
      // Closing takes a millisecond, and a process that has its answer is about to end.
      setTimeout(() => socket.destroy(), lingerMs).unref();
      resolve(answer);
    };
    const onAbort = () => {
      clearTimeout(timer);
      socket.destroy();
      reject(options.signal?.reason as Error);
    };
    // One timer for both limits, set to the one that is over first.
    const look = () => {
      clearTimeout(timer);
      const now = monotonicMs();
      const silenceLeftMs = heardAt + silenceMs - now;
      const leftMs = mayTakeMs === undefined ? Infinity : askedAt + mayTakeMs - now;
      if (silenceLeftMs <= 0) settle({ kind: 'silent', detail: `no sign of life for ${silenceMs / 1000} s` });
      else if (leftMs <= 0)
        settle({ kind: 'silent', detail: `still at work after ${(mayTakeMs ?? 0) / 1000} s` });
      else timer = setTimeout(look, Math.min(silenceLeftMs, leftMs));
    };
    look();
    if (options.signal?.aborted === true) {
      onAbort();
      return;
    }
    options.signal?.addEventListener('abort', onAbort, { once: true });
    socket.setEncoding('utf8');
    socket.once('connect', () => {
      isConnected = true;
      socket.write(encodeLine(request));
    });
    socket.on('data', (chunk: string) => {
      heardAt = monotonicMs();
      received += chunk;
      for (let end = received.indexOf('\n'); end !== -1; end = received.indexOf('\n')) {
        const reply = parseReply(received.slice(0, end));
        received = received.slice(end + 1);
        if (reply?.kind === 'working') {
          if (mayTakeMs !== undefined) mayTakeMs = reply.mayTakeMs ?? mayTakeMs;
          continue;
        }
        settle(reply ?? { kind: 'broken', detail: 'its answer is not understood' });
        return;
      }
      if (received.length > maxLineBytes) settle({ kind: 'broken', detail: 'its answer is too long' });
      else look();
    });
    socket.once('error', error => {
      const detail = (error as NodeJS.ErrnoException).code ?? error.message;
      settle({ kind: isConnected ? 'broken' : 'absent', detail });
    });
    socket.once('close', () => settle({ kind: 'broken', detail: 'it ended the connection' }));
  });
}
