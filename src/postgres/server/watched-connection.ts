/**
 * The driver's connection, watched: a server that asks for what it may not have gets no answer, one that sends without
 * end is cut off, and a message that the driver cannot parse is an error of this connection instead of the process.
 */
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { Connection } from 'pg';
import { WalvaultError } from '../../base/errors/errors.ts';
import { MessageCheck } from './message-check.ts';
import { AuthenticationWatch, type AuthenticationRule, type ServerMessage } from './libpq/authentication.ts';

/** What a server may send before a session begins; libpq takes no longer message (fe-connect.c, PQconnectPoll). */
const greetingBytes = 64 * 1024;
/** What a server may send in answer to one statement. Ours have short answers; the longest is a list of files. */
const answerBytes = 64 * 1024 * 1024;

export interface WatchOptions {
  readonly socket: Socket;
  readonly ssl: false | ConnectionOptions;
  readonly sslNegotiation: 'postgres' | 'direct';
  readonly rule: AuthenticationRule;
  /** The error for a server that did what it may not do. */
  readonly refused: (what: string) => WalvaultError;
}

/** The part of the driver's connection that its types leave out. */
interface MessageSource {
  attachListeners(stream: Pick<Duplex, 'on'>): void;
}

export class WatchedConnection extends Connection implements MessageSource {
  readonly #refused: WatchOptions['refused'];
  #refusal: WalvaultError | undefined;
  readonly #check = new MessageCheck();
  #receivedBytes = 0;
  #limitBytes = greetingBytes;

  constructor({ socket, ssl, sslNegotiation, rule, refused }: WatchOptions) {
    const config = { stream: () => socket, ssl, sslNegotiation, keepAlive: true };
    super(config);
    this.#refused = refused;
    const watch = new AuthenticationWatch(rule, { isTls: ssl !== false });
    const isDirect = ssl !== false && sslNegotiation === 'direct';
    // This listener is the first, so the driver's own find the stream closed and send nothing.
    this.on('message', (message: ServerMessage) => {
      const refusal = isDirect ? (this.#otherProtocol() ?? watch.refusal(message)) : watch.refusal(message);
      if (refusal !== undefined) this.#refuse(refusal);
      if (message.name === 'readyForQuery') this.#beginAnswer();
    });
  }

  /** Why the server was refused. The driver may take a connection for open that was closed in the same moment. */
  get refusal(): WalvaultError | undefined {
    return this.#refusal;
  }

  /** Called by the driver with the stream that messages are read from: behind TLS, where there is TLS. */
  attachListeners(stream: Duplex): void {
    const parent = Connection.prototype as unknown as MessageSource;
    parent.attachListeners.call(this, {
      on: (event: string, listener: (...values: unknown[]) => void) =>
        stream.on(event, event === 'data' ? chunk => this.#take(chunk as Buffer, listener) : listener),
    } as Duplex);
  }

  #take(chunk: Buffer, parse: (chunk: Buffer) => void): void {
    if (this.#refusal !== undefined) return;
    this.#receivedBytes += chunk.length;
    if (this.#receivedBytes > this.#limitBytes) {
      this.#refuse(`it sent more than ${this.#limitBytes} bytes in answer to one message`);
      return;
    }
    try {
      const messages = this.#check.take(chunk);
      if (messages.length > 0) parse(messages);
    } catch (error) {
      this.#refuse(`its message cannot be understood: ${error instanceof Error ? error.message : 'unknown'}`);
    }
  }

  /** As libpq: TLS without a negotiation of ours may have been meant for another service (pqsecure_open_client). */
  #otherProtocol(): string | undefined {
    return (this.stream as TLSSocket).alpnProtocol === 'postgresql'
      ? undefined
      : 'it does not confirm in TLS that it speaks the protocol of PostgreSQL';
  }

  #beginAnswer(): void {
    this.#receivedBytes = 0;
    this.#limitBytes = answerBytes;
  }

  #refuse(what: string): void {
    this.#refusal ??= this.#refused(what);
    this.stream.destroy(this.#refusal);
  }
}
