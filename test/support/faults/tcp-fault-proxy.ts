/** A TCP proxy that misbehaves: the network between walvault and a service, TLS or not. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export type ProxyFault =
  /** Passes everything. */
  | { readonly kind: 'none' }
  /** Accepts and resets at once, which looks the same to a client as a refusing port. */
  | { readonly kind: 'refuse' }
  /** Resets both sides after so many bytes from the client (`up`) or from the service (`down`). */
  | { readonly kind: 'reset'; readonly direction: 'up' | 'down'; readonly afterBytes: number }
  /** Passes nothing more after so many bytes, and keeps the connection open. */
  | { readonly kind: 'stall'; readonly direction: 'up' | 'down'; readonly afterBytes: number }
  /** Ends the answer cleanly after so many bytes. */
  | { readonly kind: 'truncate'; readonly afterBytes: number }
  /** Lets the request through, and resets when the first byte of the answer arrives; of one request only where its method is named. */
  | { readonly kind: 'lost-response'; readonly method?: string }
  /** Passes everything in both directions, so much of it a second. */
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  /** Flips one bit of the byte that follows after so many. */
  | { readonly kind: 'corrupt'; readonly direction: 'up' | 'down'; readonly afterBytes: number }
  /** Answers the request itself, with a status and no body, and ends the connection. */
  | { readonly kind: 'answer'; readonly status: number; readonly headers?: Readonly<Record<string, string>> };

export interface TcpFaultProxy {
  readonly host: string;
  readonly port: number;
  /** For the connections that come from now on; `times` of them, then `none` again. Default: all. */
  setFault(fault: ProxyFault, times?: number): void;
  /** One for each of the connections that come from now on, then `none`. */
  setFaults(faults: readonly ProxyFault[]): void;
  /** Connections accepted so far. */
  readonly connections: number;
  /** Stops listening: from then on the port really refuses. */
  close(): Promise<void>;
}

export async function startTcpFaultProxy(target: { host: string; port: number }): Promise<TcpFaultProxy> {
  const sockets = new Set<Socket>();
  let fault: ProxyFault = { kind: 'none' };
  let timesLeft = Infinity;
  let queue: ProxyFault[] = [];
  let connections = 0;
  const server = createServer({ noDelay: true }, client => {
    connections++;
    const suffered: ProxyFault = queue.shift() ?? (timesLeft > 0 ? fault : { kind: 'none' });
    timesLeft--;
    if (suffered.kind === 'refuse') {
      client.resetAndDestroy();
      return;
    }
    if (suffered.kind === 'answer') {
      answer(client, suffered);
      return;
    }
    const service = connect({ ...target, noDelay: true });
    for (const socket of [client, service]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    }
    join(client, service, suffered, () => (fault = { kind: 'none' }));
  });
  await listen(server);
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    setFault(next, times = Infinity) {
      fault = next;
      timesLeft = times;
      queue = [];
    },
    setFaults(next) {
      fault = { kind: 'none' };
      queue = [...next];
    },
    get connections() {
      return connections;
    },
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function join(client: Socket, service: Socket, fault: ProxyFault, onLost: () => void): void {
  const reset = () => {
    client.resetAndDestroy();
    service.destroy();
  };
  client.on('error', () => service.destroy());
  service.on('error', reset);
  client.on('end', () => service.end());
  service.on('end', () => client.end());
  client.on('close', () => service.destroy());
  if (fault.kind === 'lost-response' && fault.method !== undefined) {
    loseAnswerTo(fault.method, { client, service, onLost });
    return;
  }
  forward(client, service, 'up', fault, reset);
  forward(service, client, 'down', fault, reset);
}

function forward(
  from: Socket,
  to: Socket,
  direction: 'up' | 'down',
  fault: ProxyFault,
  reset: () => void,
): void {
  let passedBytes = 0;
  from.on('data', (chunk: Buffer) => {
    if (fault.kind === 'lost-response' && direction === 'down') {
      reset();
      return;
    }
    if (fault.kind === 'slow') {
      from.pause();
      setTimeout(() => to.write(chunk, () => from.resume()), (chunk.length / fault.bytesPerSecond) * 1000);
      return;
    }
    const limitBytes = limitOf(fault, direction) - passedBytes;
    passedBytes += chunk.length;
    if (chunk.length < limitBytes) {
      if (!to.write(chunk)) {
        from.pause();
        to.once('drain', () => from.resume());
      }
      return;
    }
    if (fault.kind === 'corrupt') {
      if (limitBytes >= 0) chunk.writeUInt8(chunk.readUInt8(limitBytes) ^ 1, limitBytes);
      to.write(chunk);
      return;
    }
    from.pause();
    to.write(chunk.subarray(0, limitBytes), () => {
      if (fault.kind === 'reset') reset();
      if (fault.kind === 'truncate') to.end();
    });
  });
}

/** Requests come one after another on a connection, each beginning a chunk of its own. */
function loseAnswerTo(
  method: string,
  { client, service, onLost }: { client: Socket; service: Socket; onLost: () => void },
): void {
  let isMeant = false;
  client.on('data', (chunk: Buffer) => {
    isMeant ||= chunk.toString('latin1', 0, method.length + 1) === `${method} `;
    service.write(chunk);
  });
  service.on('data', (chunk: Buffer) => {
    if (isMeant) {
      onLost();
      client.resetAndDestroy();
      service.destroy();
    } else client.write(chunk);
  });
}

/** Once the head of the request is there; the rest of it is read and dropped, so that the client is not reset. */
function answer(client: Socket, { status, headers = {} }: ProxyFault & { kind: 'answer' }): void {
  client.on('error', () => client.destroy());
  client.once('data', () => {
    const lines = Object.entries({ ...headers, 'content-length': '0', connection: 'close' });
    const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    client.end(`HTTP/1.1 ${status} Fault\r\n${head}\r\n`);
    client.resume();
  });
}

function limitOf(fault: ProxyFault, direction: 'up' | 'down'): number {
  if (fault.kind === 'truncate') return direction === 'down' ? fault.afterBytes : Infinity;
  if (fault.kind === 'reset' || fault.kind === 'stall' || fault.kind === 'corrupt')
    return fault.direction === direction ? fault.afterBytes : Infinity;
  return Infinity;
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
}
