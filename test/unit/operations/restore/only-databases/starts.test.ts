import assert from 'node:assert/strict';
import { test } from 'vitest';
import {
  closingSql,
  parseClosed,
} from '../../../../../src/operations/restore/only-databases/close-placeholders.ts';
import { aloneOptions } from '../../../../../src/operations/restore/only-databases/recover-alone.ts';

test('the server that recovers passes over pages, listens nowhere, and says what it does in English', () => {
  const options = aloneOptions('-p 5433', '/tmp/walvault-abc');
  for (const option of [
    ...['ignore_invalid_pages=on', 'listen_addresses=', 'autovacuum=off', 'hot_standby=off'],
    ...['lc_messages=C', 'log_min_messages=warning', 'logging_collector=off'],
  ])
    assert.match(options, new RegExp(`-c ${option}(?= |$)`));
  assert.match(options, /^-p 5433 -c /);
  assert.match(options, / -c 'unix_socket_directories="\/tmp\/walvault-abc"'(?= |$)/);
  assert.match(aloneOptions('', '/tmp/x'), /^-c /);
});

test('each statement that closes is one line, because a line ends a statement', () => {
  const lines = closingSql([16_385, 16_386]).split('\n');
  assert.equal(lines.length, 4);
  assert.match(lines[2] ?? '', /datconnlimit = -2, datallowconn = false.* where oid in \(16385, 16386\)/);
});

test('what a server of one session prints is read', () => {
  // As PostgreSQL 15 prints it.
  const output = `
PostgreSQL stand-alone backend 15.20 (Debian 15.20-0+deb12u1)
backend> backend> 	 1: ?column?	(typeid = 25, len = -1, typmod = -1, byval = f)
	----
	 1: ?column? = "subscription"	(typeid = 25, len = -1, typmod = -1, byval = f)
	----
backend> 	 1: concat	(typeid = 25, len = -1, typmod = -1, byval = f)
	----
	 1: concat = "placeholder 16385 676f6e65"	(typeid = 25, len = -1, typmod = -1, byval = f)
	----
	 1: concat = "placeholder 16386 c3a4"	(typeid = 25, len = -1, typmod = -1, byval = f)
	----
backend> `;
  assert.deepEqual(parseClosed(output), {
    placeholders: [
      { oid: 16_385, name: 'gone' },
      { oid: 16_386, name: 'ä' },
    ],
    removedSubscriptions: 1,
  });
});
