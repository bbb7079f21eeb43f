/**
 * A server that speaks PostgreSQL's protocol ("Message Formats") and means harm: it answers each message of a client
 * with the next prepared bytes, and keeps all that it hears.
 */
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { TLSSocket, type SecureVersion } from 'node:tls';
import type { Certificates } from './certificates.ts';

export interface ServerTls extends Pick<Certificates, 'key' | 'cert'> {
  readonly maxVersion?: SecureVersion;
}

export interface RogueOptions {
  /** What follows a request for TLS: TLS with this certificate, a refusal, or bytes in the open behind the `S`. */
  readonly tls: ServerTls | 'refused' | 'injected';
  /** The answer to the first message, to the second, and so on. */
  readonly answers: readonly Answer[];
}

/** Bytes, or what is made of all that was heard. */
type Answer = Uint8Array | ((heard: Buffer) => Uint8Array);

export interface RoguePostgres extends AsyncDisposable {
  readonly port: number;
  /** What was heard after the request for TLS, without the encryption. */
  heard(): Buffer;
  /** The connections that asked for TLS, and those that did not. */
  readonly counts: { tls: number; plain: number };
}

const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

export async function startRoguePostgres({ tls, answers }: RogueOptions): Promise<RoguePostgres> {
  const heard: Buffer[] = [];
  const sockets = new Set<Socket>();
  const counts = { tls: 0, plain: 0 };

  const made = (answer: Answer) => (typeof answer === 'function' ? answer(Buffer.concat(heard)) : answer);
  const converse = (socket: Socket) => {
    let turn = 0;
    socket.on('error', () => undefined);
    socket.on('data', chunk => {
      heard.push(chunk);
      const answer = answers[turn++];
      if (answer !== undefined) socket.write(made(answer));
    });
  };
  const server = createServer(socket => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('data', first => {
      if (!first.equals(sslRequest)) {
        counts.plain++;
        converse(socket);
        socket.emit('data', first);
        return;
      }
      counts.tls++;
      if (tls === 'refused') {
        socket.end('N');
      } else if (tls === 'injected') {
        socket.write(Buffer.concat([Buffer.from('S'), ...answers.map(made)]));
        socket.on('data', chunk => heard.push(chunk));
      } else {
        socket.write('S');
        converse(new TLSSocket(socket, { isServer: true, ...tls }));
      }
    });
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    heard: () => Buffer.concat(heard),
    counts,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>(resolve => server.close(() => resolve()));
    },
  };
}

/** AuthenticationOk and its kin. */
function authentication(code: number, body: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.write('R');
  head.writeUInt32BE(8 + body.length, 1);
  head.writeUInt32BE(code, 5);
  return Buffer.concat([head, body]);
}

const ready = Buffer.from('Z\0\0\0\x05I', 'latin1');

export const messages = {
  cleartext: authentication(3),
  md5: authentication(5, Buffer.from('salt')),
  gss: authentication(7),
  sasl: (...mechanisms: string[]) =>
    authentication(10, Buffer.from(`${mechanisms.map(name => `${name}\0`).join('')}\0`)),
  /** The server's first message of SCRAM (RFC 5802, section 3): its nonce continues the client's. */
  scramFirst(heard: Buffer): Buffer {
    const nonce = /,r=([^,\0]+)/.exec(heard.toString('latin1'))?.[1] ?? '';
    return authentication(11, Buffer.from(`r=${nonce}rogue,s=${btoa('salt of sixteen!')},i=4096`));
  },
  ok: authentication(0),
  ready,
  welcome: Buffer.concat([authentication(0), ready]),
  endedTwice: Buffer.concat([ended(), ended(), ready]),
  /** A notice of that many bytes. */
  notice: (sizeBytes: number) => message('N', Buffer.alloc(sizeBytes, 'x')),
  fatal: (text: string) => message('E', Buffer.from(`SFATAL\0C28000\0M${text}\0\0`)),
};

/** CommandComplete. */
function ended(): Buffer {
  return message('C', Buffer.from('SELECT 0\0'));
}

function message(type: string, body: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeUInt32BE(4 + body.length, 1);
  return Buffer.concat([head, body]);
}
