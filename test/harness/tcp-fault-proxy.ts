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
  /** Lets the request through, and resets when the first byte of the answer arrives. */
  | { readonly kind: 'lost-response' };

export interface TcpFaultProxy {
  readonly host: string;
  readonly port: number;
  /** For the connections that come from now on; `times` of them, then `none` again. Default: all. */
  setFault(fault: ProxyFault, times?: number): void;
  /** Connections accepted so far. */
  readonly connections: number;
  /** Stops listening: from then on the port really refuses. */
  close(): Promise<void>;
}

export async function startTcpFaultProxy(target: { host: string; port: number }): Promise<TcpFaultProxy> {
  const sockets = new Set<Socket>();
  let fault: ProxyFault = { kind: 'none' };
  let timesLeft = Infinity;
  let connections = 0;
  const server = createServer({ noDelay: true }, client => {
    connections++;
    const suffered: ProxyFault = timesLeft > 0 ? fault : { kind: 'none' };
    timesLeft--;
    if (suffered.kind === 'refuse') {
      client.resetAndDestroy();
      return;
    }
    const service = connect({ ...target, noDelay: true });
    for (const socket of [client, service]) {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    }
    join(client, service, suffered);
  });
  await listen(server);
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    setFault(next, times = Infinity) {
      fault = next;
      timesLeft = times;
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

function join(client: Socket, service: Socket, fault: ProxyFault): void {
  const reset = () => {
    client.resetAndDestroy();
    service.destroy();
  };
  client.on('error', () => service.destroy());
  service.on('error', reset);
  client.on('end', () => service.end());
  service.on('end', () => client.end());
  client.on('close', () => service.destroy());
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
    const limitBytes = limitOf(fault, direction) - passedBytes;
    passedBytes += chunk.length;
    if (chunk.length < limitBytes) {
      if (!to.write(chunk)) {
        from.pause();
        to.once('drain', () => from.resume());
      }
      return;
    }
    from.pause();
    to.write(chunk.subarray(0, limitBytes), () => {
      if (fault.kind === 'reset') reset();
      if (fault.kind === 'truncate') to.end();
    });
  });
}

function limitOf(fault: ProxyFault, direction: 'up' | 'down'): number {
  if (fault.kind === 'truncate') return direction === 'down' ? fault.afterBytes : Infinity;
  if (fault.kind === 'reset' || fault.kind === 'stall')
    return fault.direction === direction ? fault.afterBytes : Infinity;
  return Infinity;
}

function listen(server: Server): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
}
