import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import type { ProgressEvent } from '../../../src/observe/events/run.ts';
import { progressLine } from '../../../src/observe/progress-bar.ts';
import { ProgressRenderer } from '../../../src/observe/progress-line.ts';
import { createTextLog } from '../../../src/observe/text-log.ts';
import { wordsOf } from '../../../src/observe/words.ts';

describe('progress', () => {
  function bench(isTty: boolean) {
    let written = '';
    let timeMs = 1000;
    const write = (text: string) => void (written += text);
    return {
      renderer: new ProgressRenderer({ write, isTty, columns: () => 45, now: () => timeMs }),
      write,
      pass: (ms: number) => void (timeMs += ms),
      take: () => {
        const text = written;
        written = '';
        return text;
      },
      now: () => timeMs,
    };
  }
  const at = (doneBytes: number) =>
    ({ kind: 'progress', stage: 'backup', doneBytes, totalBytes: 400 }) as const;

  test('on a terminal is one line with a bar, rewritten at most ten times a second, that makes room', () => {
    const { renderer, pass, take } = bench(true);
    renderer.show(at(100));
    assert.equal(take(), '\r\u001B[K[###----------] backup: 100 B of 400 B (25%)');
    pass(50);
    renderer.show(at(150));
    assert.equal(take(), '');
    pass(60);
    renderer.show(at(200));
    assert.equal(take(), '\r\u001B[K[######-------] backup: 200 B of 400 B (50%)');
    renderer.clear();
    assert.equal(take(), '\r\u001B[K');
    renderer.clear();
    assert.equal(take(), '');
  });

  test('elsewhere is a line every ten seconds, the first after ten', () => {
    const { renderer, pass, take } = bench(false);
    renderer.show(at(100));
    pass(9999);
    renderer.show(at(150));
    assert.equal(take(), '');
    pass(1);
    renderer.show(at(200));
    assert.equal(take(), 'walvault: backup: 200 B of 400 B (50%)\n');
    pass(5000);
    renderer.show(at(300));
    assert.equal(take(), '');
  });

  test('an event does not mix with the line; --quiet shows none', () => {
    const { write, take, now } = bench(true);
    const log = createTextLog({ stderr: write, isTty: true, quiet: false, verbose: false, now });
    log.progress(at(100));
    take();
    const event = { kind: 'cleanup-in-doubt', repository: 'r', problem: 'm', hint: 'Do it.' } as const;
    log.write(event, wordsOf(event));
    assert.equal(take(), '\r\u001B[Kwalvault: WARNING: repository "r": m\nHINT:  Do it.\n');
    const quiet = createTextLog({ stderr: write, isTty: true, quiet: true, verbose: false, now });
    quiet.progress(at(100));
    assert.equal(take(), '');
  });

  const lineOf = (numbers: Omit<ProgressEvent, 'kind' | 'stage'>) =>
    wordsOf({ kind: 'progress', stage: 'backup', ...numbers }).message;

  test('needs no total and never passes 100%', () => {
    assert.equal(lineOf({ doneBytes: 2048, doneFiles: 1 }), 'backup: 2.0 KiB, 1 file');
    assert.equal(lineOf({ doneObjects: 5, totalObjects: 20 }), 'backup: 5 of 20 objects (25%)');
    assert.equal(lineOf({ doneBytes: 9, totalBytes: 4, doneFiles: 2 }), 'backup: 9 B of 4 B (100%), 2 files');
  });

  test('never takes more than the width of the terminal', () => {
    const event = at(100);
    const { message } = wordsOf(event);
    for (let columns = 2; columns <= 120; columns++) {
      const line = progressLine(event, message, columns);
      assert.ok(line.length < columns, `${columns} columns: ${line}`);
      assert.equal(line.includes(message), columns > message.length, `${columns} columns: ${line}`);
    }
    assert.equal(
      progressLine({ kind: 'progress', stage: 'copy', doneBytes: 1 }, 'copy: 1 B', 80),
      'copy: 1 B',
    );
  });
});
