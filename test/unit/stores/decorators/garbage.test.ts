/** The pages of a long listing are garbage as soon as they are handed on: a small heap holds them, however many there are. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, it } from 'vitest';

const decorators = new URL('../../../../src/stores/decorators/', import.meta.url);
const memory = new URL('../../../../src/stores/memory/store.ts', import.meta.url);

/** Lists 4000 pages of 256 entries through all decorators, and prints how much larger the heap became, in MiB. */
const program = `
import { getHeapSpaceStatistics } from 'node:v8';
import { decorateStore } from ${JSON.stringify(`${decorators.href}decorate-store.ts`)};
import { createMemoryStore } from ${JSON.stringify(memory.href)};
const old = () => getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space').space_used_size;
async function* listPages() {
  for (let page = 0; page < 4000; page++) {
    await new Promise(resolve => setImmediate(resolve));
    yield Array.from({ length: 256 }, (_, index) => ({
      key: 'wal/' + page + '/' + index, sizeBytes: page * index + 0.5, modified: new Date(page * 1000 + index),
    }));
  }
}
const facts = { timeoutMs: 60_000, watchesItsUploads: false, holdsThreads: true };
const store = decorateStore({ ...createMemoryStore(), listPages }, facts, { maxRequests: 8 });
let before, most = 0, pages = 0;
for await (const page of store.listPages({ prefix: '', signal: new AbortController().signal })) {
  if (++pages === 100) before = old();
  if (pages >= 100) most = Math.max(most, old() - before);
}
process.stdout.write(String(most / 1024 ** 2));
`;

describe('a listing of millions through the decorators', () => {
  it('leaves no page in the old part of the heap', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--max-semi-space-size=1',
      '--input-type=module',
      '--eval',
      program,
    ]);
    assert.match(stdout, /^[\d.]+$/);
    assert.ok(Number(stdout) < 8, `${stdout} MiB more`);
  });
});
