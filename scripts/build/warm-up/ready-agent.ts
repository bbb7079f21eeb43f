/** An imitation of an agent that has every file ready, for the clients that the warm-up runs. */
import { lstatSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { addressOf } from '../../../src/agent/client/address.ts';
import { encodeLine, parseRequest, type Reply, type Request } from '../../../src/agent/client/protocol.ts';
import { identityOf } from '../../../src/base/files/identity.ts';

export interface ReadyAgent extends AsyncDisposable {
  /** For those who are to ask it. */
  readonly env: Readonly<Record<string, string>>;
}

export interface ReadyAgentOptions {
  readonly scratch: string;
  readonly dataDirectory: string;
  readonly configPath: string;
}

export async function startReadyAgent(options: ReadyAgentOptions): Promise<ReadyAgent> {
  const { scratch, dataDirectory, configPath } = options;
  const directory = join(scratch, 'agent');
  mkdirSync(directory, { mode: 0o700 });
  const env = { WALVAULT_AGENT_DIRECTORY: directory };
  const address = addressOf(dataDirectory, configPath, env);
  if (address === undefined) throw new Error(`${directory} is too long for a socket`);
  const server = createServer({ allowHalfOpen: true }, socket => answer(socket, dataDirectory));
  await new Promise<void>(resolve => server.listen(address.socketPath, resolve));
  return {
    env,
    async [Symbol.asyncDispose]() {
      await new Promise(resolve => server.close(resolve));
    },
  };
}

function answer(socket: Socket, dataDirectory: string): void {
  let received = '';
  socket.setEncoding('utf8');
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: string) => {
    received += chunk;
    const end = received.indexOf('\n');
    if (end !== -1) socket.end(encodeLine(replyTo(parseRequest(received.slice(0, end)), dataDirectory)));
  });
}

function replyTo(request: Request | undefined, dataDirectory: string): Reply {
  if (request?.verb === 'push') return { kind: 'done', lines: [] };
  const path = join(dataDirectory, 'pg_wal/ahead');
  writeFileSync(path, '');
  return {
    kind: 'ready',
    lines: [],
    file: { path, identity: identityOf(lstatSync(path, { bigint: true })) },
  };
}
