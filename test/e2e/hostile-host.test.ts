/**
 * A user of the host against root's commands, by the executable: links that he plants, configurations that he may write.
 * PostgreSQL's account plays him; root runs walvault, as from its crontab.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readControlFile } from '../../src/postgres/cluster/control-file.ts';
import { backUp } from '../support/site/cycle.ts';
import { archiveEverything, commitRows, createSite } from '../support/site/site.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import { requireRoot } from '../support/site/unprivileged.ts';

requireRoot('root is whom the planted links are for');
const site = await createSite();
const origin = await site.startOrigin();
await commitRows(origin, 1, 3);
await backUp(site, origin);
await commitRows(origin, 4, 6);
await backUp(site, origin);
await archiveEverything(origin);
await origin.stop();
const { systemId } = await readControlFile(origin.dataDirectory, new AbortController().signal);
const system = `orders/${systemId}`;

function asRoot(args: readonly string[], env = {}) {
  return site.walvault(args, { as: 'self', cwd: origin.dataDirectory, env });
}

test('a link in a directory repository leads root nowhere, whatever the command', async () => {
  const group = join(site.repositoryPath, system, 'wal/00000001/00000000');
  // Somebody else's directory: files by the same names, which only root could remove.
  const victim = join(temporaryDirectory('victim', { keepOwner: true }), 'precious');
  mkdirSync(victim, { mode: 0o700 });
  for (const name of readdirSync(group)) writeFileSync(join(victim, name), `precious ${name}`);
  const before = readdirSync(victim);
  renameSync(group, `${group}.aside`);
  symlinkSync(victim, group);
  try {
    const [segment = ''] = before.filter(name => /^[0-9A-F]{24}$/.test(name));
    const key = `${system}/wal/00000001/00000000/${segment}`;
    const refusal = /00000000 is a link, and none is followed inside a repository/;
    for (const args of [
      ['cleanup', '--keep-last', '1'],
      ['list'],
      ['store', 'ls', `${system}/wal/00000001/`],
      ['store', 'get', key],
      ['store', 'stat', key],
      ['store', 'put', '--force', `${key}.new`, site.configPath],
      ['store', 'rm', '--force', key],
      ['push', '--missing'],
    ]) {
      const done = await asRoot(args);
      expect.soft(done.exitCode, `${args.join(' ')}: ${done.stdout.slice(0, 500)}${done.stderr}`).not.toBe(0);
      expect.soft(done.stderr, args.join(' ')).toMatch(refusal);
      expect.soft(done.stdout, args.join(' ')).not.toContain('precious');
      expect.soft(readdirSync(victim), args.join(' ')).toEqual(before);
    }
  } finally {
    rmSync(group);
    renameSync(`${group}.aside`, group);
  }
  const done = await asRoot(['cleanup', '--keep-last', '1']);
  assert.equal(done.exitCode, 0, done.stderr);
});
