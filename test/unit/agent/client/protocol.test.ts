import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, it } from 'vitest';
import {
  encodeLine,
  parseReply,
  parseRequest,
  type Reply,
  type Request,
} from '../../../../src/agent/client/protocol.ts';
import { errorCodes, type ErrorCode } from '../../../../src/base/errors/errors.ts';

const text = fc.string({ unit: 'binary' });
const lines = fc.array(fc.record({ level: fc.constantFrom('debug', 'info', 'warn', 'error'), text }));

describe('the protocol', () => {
  it('brings requests over', () => {
    const requests = fc.oneof(
      fc.record({
        verb: fc.constant('push'),
        fingerprint: text,
        environment: fc.dictionary(text, text, { noNullPrototype: true }),
        path: text,
        givenPath: text,
      }),
      fc.record(
        {
          verb: fc.constant('fetch'),
          fingerprint: text,
          environment: fc.dictionary(text, text, { noNullPrototype: true }),
          name: text,
          destination: text,
          timeline: fc.nat(),
        },
        { requiredKeys: ['verb', 'fingerprint', 'environment', 'name', 'destination'] },
      ),
      fc.constant({ verb: 'status' }),
      fc.constant({ verb: 'stop' }),
    ) as fc.Arbitrary<Request>;
    fc.assert(
      fc.property(requests, request => assert.deepEqual(parseRequest(lineOf(request)), plain(request))),
    );
  });

  it('brings replies over', () => {
    const failure = fc.record(
      {
        code: fc.constantFrom(...(Object.keys(errorCodes) as ErrorCode[])),
        message: text,
        hint: text,
        retry: fc.boolean(),
      },
      { requiredKeys: ['code', 'message', 'retry'] },
    );
    const replies = fc.oneof(
      fc.record({ kind: fc.constant('working'), mayTakeMs: fc.nat() }, { requiredKeys: ['kind'] }),
      fc.record({ kind: fc.constant('done'), lines }),
      fc.record({ kind: fc.constant('failed'), lines, failure, isTold: fc.boolean() }),
      fc.record({
        kind: fc.constant('ready'),
        lines,
        file: fc.record({
          path: text,
          identity: fc.record({ device: text, inode: text, sizeBytes: text, modifiedNs: text }),
        }),
      }),
      fc.record({
        kind: fc.constant('declined'),
        reason: fc.constantFrom('stale', 'busy', 'leaving', 'unfit', 'not-ready'),
      }),
    ) as fc.Arbitrary<Reply>;
    fc.assert(fc.property(replies, reply => assert.deepEqual(parseReply(lineOf(reply)), plain(reply))));
  });

  it('takes nothing for an answer that is none', () => {
    const done = lineOf({ kind: 'done', lines: [] });
    for (let end = 0; end < done.length; end++) assert.equal(parseReply(done.slice(0, end)), undefined);
    for (const other of [
      '{"kind":"done","lines":[]}',
      '{"v":2,"kind":"done","lines":[]}',
      '{"v":1,"kind":"done"}',
      '{"v":1,"kind":"done","lines":[{"level":"loud","text":""}]}',
      '{"v":1,"kind":"failed","lines":[],"failure":{"code":"none","message":""}}',
      '{"v":1,"kind":"declined","reason":"no"}',
      '[]',
      'null',
    ])
      assert.equal(parseReply(other), undefined, other);
    fc.assert(fc.property(fc.json(), json => assert.equal(parseReply(json), undefined)));
  });
});

function lineOf(message: Request | Reply): string {
  const line = encodeLine(message);
  assert.equal(line.indexOf('\n'), line.length - 1);
  return line.slice(0, -1);
}

/** Without the null prototypes that fast-check gives its records. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value));
}
