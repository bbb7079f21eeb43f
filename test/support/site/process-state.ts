/** Fails a test file that leaves its process in another state than it found it: the next file runs in the same process. */
import assert from 'node:assert/strict';
import { afterAll } from 'vitest';

const found = processState();
afterAll(() => {
  assert.deepEqual(processState(), found, 'the test file has changed its process for the files after it');
});

function processState(): object {
  return {
    directory: process.cwd(),
    umask: process.umask(),
    user: process.geteuid?.(),
    group: process.getegid?.(),
    environment: { ...process.env },
  };
}
