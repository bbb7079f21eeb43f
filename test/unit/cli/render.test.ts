import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Secret } from '../../../src/base/secret.ts';
import { renderJson } from '../../../src/cli/render/json.ts';
import { ProgressRenderer, progressLine } from '../../../src/observe/progress-line.ts';
import { renderTable } from '../../../src/cli/render/table.ts';
import { createTextLog } from '../../../src/observe/text-log.ts';

describe('a table', () => {
  test('is aligned, numbers to the right, without trailing blanks', () => {
    const columns = [{ title: 'NAME' }, { title: 'SIZE', align: 'right' as const }, { title: 'NOTE' }];
    assert.equal(
      renderTable(columns, [['a', '5 B', ''], ['longer', '1.2 GiB', 'x']]),
      'NAME       SIZE  NOTE\na           5 B\nlonger  1.2 GiB  x\n',
    ); // prettier-ignore
    assert.equal(renderTable(columns, []), 'NAME  SIZE  NOTE\n');
  });
});

describe('JSON', () => {
  test('keeps every digit, hides secrets, ends with a newline', () => {
    const value = { systemId: 7_300_000_000_000_000_001n, time: new Date(0), secret: new Secret('x') };
    assert.equal(
      renderJson(value),
      '{\n  "systemId": "7300000000000000001",\n  "time": "1970-01-01T00:00:00.000Z",\n  "secret": "***"\n}\n',
    );
  });
});

describe('progress', () => {
  function bench(isTty: boolean) {
    let written = '';
    let timeMs = 1000;
    const write = (text: string) => void (written += text);
    return {
      renderer: new ProgressRenderer({ write, isTty, now: () => timeMs }),
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
  const at = (doneBytes: number) => ({ stage: 'backup', doneBytes, totalBytes: 400 });

  test('on a terminal is one line, rewritten at most ten times a second, that makes room', () => {
    const { renderer, pass, take } = bench(true);
    renderer.show(at(100));
    assert.equal(take(), '\r\u001B[Kbackup: 100 B of 400 B (25%)');
    pass(50);
    renderer.show(at(150));
    assert.equal(take(), '');
    pass(60);
    renderer.show(at(200));
    assert.equal(take(), '\r\u001B[Kbackup: 200 B of 400 B (50%)');
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
    log.progress?.(at(100));
    take();
    log.event({ level: 'warn', message: 'm', hint: 'Do it.' });
    assert.equal(take(), '\r\u001B[Kwalvault: WARNING: m\nHINT:  Do it.\n');
    const quiet = createTextLog({ stderr: write, isTty: true, quiet: true, verbose: false, now });
    quiet.progress?.(at(100));
    assert.equal(take(), '');
  });

  test('needs no total and never passes 100%', () => {
    assert.equal(progressLine({ stage: 'wal', doneBytes: 2048, doneFiles: 1 }), 'wal: 2.0 KiB, 1 file');
    assert.equal(
      progressLine({ stage: 'b', doneBytes: 9, totalBytes: 4, doneFiles: 2 }),
      'b: 9 B of 4 B (100%), 2 files',
    );
  });
});
