/** The messages of a PostgreSQL server, or of what answers in its place. */
import { createServer, type AddressInfo } from 'node:net';
import { startDeadline } from '../../../../../src/base/time/deadline.ts';
import { connectPostgres } from '../../../../../src/postgres/server/connection.ts';
import { readServerState } from '../../../../../src/postgres/server/state.ts';
import { messages } from '../../../servers/rogue-postgres.ts';
import type { FuzzTarget } from '../target.ts';

/** Comes between the answers to one message and to the next. */
const turn = Buffer.from('\n---next---\n');

function partsOf(input: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  let from = 0;
  for (let at = input.indexOf(turn); at !== -1; at = input.indexOf(turn, from)) {
    parts.push(input.subarray(from, at));
    from = at + turn.length;
  }
  return [...parts, input.subarray(from)];
}

function conversation(...parts: readonly Uint8Array[]): Buffer {
  return Buffer.concat(parts.flatMap((part, index) => (index === 0 ? [part] : [turn, part])));
}

/** A type, the length of the rest, the rest ("Message Formats"). */
function message(type: string, body: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.write(type);
  head.writeUInt32BE(4 + body.length, 1);
  return Buffer.concat([head, body]);
}

function row(...values: readonly string[]): Buffer {
  const fields = values.map(value =>
    Buffer.concat([Buffer.from([0, 0, 0, value.length]), Buffer.from(value)]),
  );
  return message('D', Buffer.concat([Buffer.from([0, values.length]), ...fields]));
}

function description(...names: readonly string[]): Buffer {
  const fields = names.map(name =>
    Buffer.concat([Buffer.from(`${name}\0`), Buffer.from('000000000000000000190004ffffffff0000', 'hex')]),
  );
  return message('T', Buffer.concat([Buffer.from([0, names.length]), ...fields]));
}

const parameter = message('S', Buffer.from('server_version_num\x00150018\0'));
const answer = Buffer.concat([
  message('1', Buffer.alloc(0)),
  message('2', Buffer.alloc(0)),
  description('setting', 'in_recovery'),
  row('16MB', 'f'),
  message('C', Buffer.from('SELECT 1\0')),
  messages.ready,
]);

export const serverMessages: FuzzTarget = {
  name: 'server-messages',
  reads: 'the messages of a PostgreSQL server',
  parsers: [
    'postgres/server/watched-connection.ts#WatchedConnection',
    'postgres/server/libpq/authentication.ts#AuthenticationWatch',
    'postgres/server/state.ts#readServerState',
  ],
  async open() {
    let parts: readonly Buffer[] = [];
    const server = createServer(socket => {
      const left = [...parts];
      let timer: NodeJS.Timeout;
      const next = () => {
        clearTimeout(timer);
        const part = left.shift();
        if (part === undefined || left.length === 0) socket.end(part ?? Buffer.alloc(0));
        else {
          socket.write(part);
          // A client that waits for more must not wait for ever.
          timer = setTimeout(next, 30);
        }
      };
      socket.on('error', () => undefined);
      socket.on('data', next);
      socket.on('close', () => clearTimeout(timer));
    });
    await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve));
    const env = {
      PGHOST: '127.0.0.1',
      PGPORT: String((server.address() as AddressInfo).port),
      PGUSER: 'postgres',
      PGPASSWORD: 'secret',
      PGSSLMODE: 'disable',
    };
    const welcome = Buffer.concat([messages.ok, parameter, messages.ready]);
    return {
      form: 'bytes',
      corpus: [
        conversation(welcome, answer, answer, answer),
        conversation(messages.cleartext, welcome, answer),
        conversation(messages.md5, welcome, answer),
        conversation(messages.sasl('SCRAM-SHA-256'), messages.scramFirst(Buffer.from(',r=abc')), welcome),
        conversation(messages.notice(100), welcome, messages.fatal('no')),
        messages.fatal('no such database'),
      ],
      async parse(input) {
        parts = partsOf(input);
        const deadline = startDeadline(5000, 'the conversation');
        try {
          const connection = await connectPostgres({ signal: deadline.signal, env });
          try {
            await readServerState(connection);
          } finally {
            await connection.close();
          }
        } finally {
          deadline.clear();
        }
      },
    };
  },
};
