import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { test } from 'vitest';
import { quoteSettingValue, setting, settingName } from '../../../src/postgres/cluster/recovery-settings.ts';
import { parseConnectionString } from '../../../src/postgres/server/libpq/connection-string.ts';
import { verifyPages, pageChecksum } from '../../../src/postgres/cluster/page-checksum.ts';
import { formatLsn, parseLsn } from '../../../src/postgres/wal/lsn.ts';
import { parseTimelineHistory } from '../../../src/postgres/wal/timeline-history.ts';

const lsns = fc.bigInt({ min: 0n, max: 0xffff_ffff_ffff_ffffn });
const timelines = fc.integer({ min: 1, max: 0xffff_ffff });

test('an LSN survives its text', () => {
  fc.assert(fc.property(lsns, lsn => parseLsn(formatLsn(lsn)) === lsn));
});

test('any text is a history or damage, never another failure', () => {
  const lines = fc.array(
    fc.oneof(
      fc.string(),
      fc.tuple(timelines, lsns).map(([t, l]) => `${t}\t${formatLsn(l)}\tx`),
    ),
  );
  fc.assert(
    fc.property(lines, parts => {
      try {
        for (const entry of parseTimelineHistory(2, parts.join('\n'), 'x')) assert.ok(entry.timeline > 0);
      } catch (error) {
        assert.equal((error as { code?: string }).code, 'damaged');
      }
    }),
  );
});

test('a quoted setting is one line and reads back by the rules of guc-file.l', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), value => {
      const quoted = quoteSettingValue(value);
      assert.match(quoted, /^'([^'\\\n\r]|''|\\\\)*'$/u);
      const read = quoted.slice(1, -1).replaceAll(/''|\\\\/g, pair => pair.slice(1));
      assert.equal(read, value.replaceAll(/[\r\n]+/g, ' '));
      assert.equal(settingName(setting('restore_command', value)), 'restore_command');
    }),
  );
});

test('a quoted connection parameter reads back', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (user, password) => {
      const quote = (text: string) => `'${text.replaceAll(/[\\']/g, String.raw`\$&`)}'`;
      const text = `user=${quote(user)} password = ${quote(password)}`;
      assert.deepEqual(Object.fromEntries(parseConnectionString(text)), { user, password });
    }),
  );
});

test('a page with its own checksum verifies at its own block only, at any alignment', () => {
  const pages = fc.uint8Array({ minLength: 8192, maxLength: 8192 });
  // Even: then the next block differs in one bit, which always shows in the remainder by 65535.
  const evenBlocks = fc.nat(0x7fff_fff0).map(half => half * 2);
  fc.assert(
    fc.property(pages, evenBlocks, fc.nat(3), (bytes, block, shift) => {
      const room = new Uint8Array(8192 + shift);
      const page = room.subarray(shift);
      page.set(bytes);
      const checksum = pageChecksum(page, block);
      page[8] = checksum & 0xff;
      page[9] = checksum >>> 8;
      assert.deepEqual(verifyPages(page, { firstBlock: block, blockSizeBytes: 8192 }), []);
      assert.deepEqual(verifyPages(page, { firstBlock: block + 1, blockSizeBytes: 8192 }), [0]);
    }),
    { numRuns: 50 },
  );
});
