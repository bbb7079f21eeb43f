/** The messages between the agent and those who ask it. */
import { encodeLine, parseReply, parseRequest } from '../../../../../src/agent/client/protocol.ts';
import type { FuzzTarget } from '../target.ts';

export const agentMessages: FuzzTarget = {
  name: 'agent-messages',
  reads: 'a question to the agent, and its answer',
  parsers: ['agent/client/protocol.ts#parseRequest', 'agent/client/protocol.ts#parseReply'],
  open: () =>
    Promise.resolve({
      form: 'json',
      corpus: [
        encodeLine({
          verb: 'push',
          fingerprint: 'f',
          environment: { PATH: '/bin' },
          path: '/a',
          givenPath: 'a',
        }),
        encodeLine({
          verb: 'fetch',
          fingerprint: 'f',
          environment: {},
          name: '00000002.history',
          destination: '/b',
          timeline: 3,
        }),
        encodeLine({ verb: 'status' }),
        encodeLine({ kind: 'working', mayTakeMs: 100 }),
        encodeLine({ kind: 'done', lines: [{ level: 'info', text: 'archived' }] }),
        encodeLine({ kind: 'declined', reason: 'busy' }),
        encodeLine({
          kind: 'failed',
          lines: [],
          failure: { code: 'damaged', message: 'x', hint: undefined, retry: false },
          isTold: true,
        }),
        encodeLine({
          kind: 'ready',
          lines: [],
          file: { path: '/a', identity: { device: '1', inode: '2', sizeBytes: '3', modifiedNs: '4' } },
        }),
      ].map(text => Buffer.from(text)),
      parse(input) {
        const line = input.toString('utf8');
        parseRequest(line);
        parseReply(line);
      },
    }),
};
