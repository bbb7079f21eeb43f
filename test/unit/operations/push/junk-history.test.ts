import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Words } from '../../../../src/observe/words/table.ts';
import { readWalSource } from '../../../../src/operations/push/wal-source.ts';
import { historyPlaceholder } from '../../../../src/postgres/cluster/history-placeholder.ts';
import { wordsInto } from '../../../support/logs.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';
import { clusterSamples } from '../../../support/wal/cluster-samples.ts';

it('a junk history is read to be archived as it is, named by its timeline; the placeholder is not archived', async () => {
  const dataDirectory = temporaryDirectory('push', { keepOwner: true });
  const [sample] = clusterSamples;
  for (const name of ['global', 'pg_wal']) mkdirSync(join(dataDirectory, name));
  const control = Buffer.alloc(8192);
  Buffer.from(sample?.controlFile ?? '', 'base64').copy(control);
  writeFileSync(join(dataDirectory, 'global/pg_control'), control);
  const path = join(dataDirectory, 'pg_wal/00000002.history');
  const read = async (content: string) => {
    writeFileSync(path, content);
    const said: Words[] = [];
    const { signal } = new AbortController();
    const log = wordsInto(said);
    const source = await readWalSource({ path, dataDirectory, headerCheck: true, log, signal });
    return { source, said };
  };
  for (const junk of ['', '\0'.repeat(41), '<html>']) {
    const { source, said } = await read(junk);
    expect(source).toMatchObject({ branch: undefined, isPlaceholder: false });
    assert.equal(said[0]?.level, 'error');
    assert.match(said[0].message, /archived as it is: nobody can recover along timeline 2/);
  }
  const placeholder = await read(historyPlaceholder);
  expect(placeholder.source).toMatchObject({ branch: undefined, isPlaceholder: true });
  const good = await read('1\t0/300000\tx\n');
  expect(good.source).toMatchObject({ branch: { parent: 1, switchpoint: 0x300000n }, isPlaceholder: false });
  assert.deepEqual(good.said, []);
});
