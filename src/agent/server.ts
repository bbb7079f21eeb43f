/** The agent's socket server: reads one request from each connection and writes its answer. */
import { lstatSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { systemCode, WalvaultError } from '../base/errors/errors.ts';
import { inspectDirectory, privateName, type AgentAddress } from './client/address.ts';
import { isAlive } from './client/is-alive.ts';
import { encodeLine, maxLineBytes, parseRequest, type Reply, type Request } from './client/protocol.ts';

/** A connection that sends no request for this long is closed. */
const requestWithinMs = 5000;
/** A waiting process gets a sign of life this often. */
const aliveEveryMs = 1000;
const maxConnections = 64;

export interface Handler {
  answer(request: Request | undefined): Promise<Exclude<Reply, { kind: 'working' }>>;
  /** The asking process waits this long for the answer; undefined: without limit. */
  mayTakeMs(request: Request | undefined): number | undefined;
}

export interface ListeningServer {
  /** True while the path leads to this server; a later agent gives its own socket the name. */
  isStillReachable(): boolean;
  /** Takes no further connection, and removes the name if it is still ours. Open connections are answered. */
  leave(): void;
}

/**
 * Listens under a private name until everything is ready. Then a rename gives the socket its name, over a dead agent's.
 * @throws WalvaultError `refused` when the directory is not safe, system errors
 */
export async function listen(address: AgentAddress, handler: Handler): Promise<ListeningServer> {
  try {
    mkdirSync(address.directory, { mode: 0o700 });
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
  }
  const state = inspectDirectory(address.directory);
  if (state !== 'ours')
    throw new WalvaultError(
      'refused',
      state === 'absent' ? `${address.directory} went away` : state.problem,
      {
        hint: `Remove ${address.directory}, or name another directory in WALVAULT_AGENT_DIRECTORY.`,
      },
    );
  removeLeftovers(address);
  const server = createServer({ allowHalfOpen: true }, socket => void serve(socket, handler));
  server.maxConnections = maxConnections;
  const privatePath = privateName(address, process.pid);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(privatePath, () => resolve());
  });
  const { ino } = lstatSync(privatePath);
  renameSync(privatePath, address.socketPath);
  return listening(server, address.socketPath, ino);
}

function listening(server: Server, path: string, inode: number): ListeningServer {
  const isStillReachable = () => {
    try {
      return lstatSync(path).ino === inode;
    } catch {
      return false;
    }
  };
  return {
    isStillReachable,
    leave() {
      if (isStillReachable()) rmSync(path, { force: true });
      server.close();
    },
  };
}

/** Removes private names of agents that died before they were ready. */
function removeLeftovers({ directory, key }: AgentAddress): void {
  for (const name of readdirSync(directory)) {
    const pid = new RegExp(`^${key}\\.(\\d+)\\.new$`).exec(name)?.[1];
    if (pid !== undefined && !isAlive(Number(pid))) rmSync(join(directory, name), { force: true });
  }
}

async function serve(socket: Socket, handler: Handler): Promise<void> {
  // The asking process may be gone before the answer; the work goes on.
  socket.on('error', () => socket.destroy());
  const line = await readLine(socket);
  if (line === undefined) {
    socket.destroy();
    return;
  }
  const request = parseRequest(line);
  const working = encodeLine({ kind: 'working', mayTakeMs: handler.mayTakeMs(request) });
  const alive = setInterval(() => socket.write(working), aliveEveryMs);
  try {
    socket.end(encodeLine(await handler.answer(request)));
  } finally {
    clearInterval(alive);
  }
}

/** The first line; undefined when none came. */
function readLine(socket: Socket): Promise<string | undefined> {
  return new Promise(resolve => {
    let received = '';
    const settle = (line: string | undefined) => {
      clearTimeout(limit);
      socket.off('data', onData);
      resolve(line);
    };
    const limit = setTimeout(() => settle(undefined), requestWithinMs);
    const onData = (chunk: string) => {
      received += chunk;
      const end = received.indexOf('\n');
      if (end !== -1) settle(received.slice(0, end));
      else if (received.length > maxLineBytes) settle(undefined);
    };
    socket.setEncoding('utf8');
    socket.on('data', onData);
    socket.once('end', () => settle(undefined));
    socket.once('close', () => settle(undefined));
  });
}
