import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { it } from 'vitest';
import { ownExecutable } from '../../../src/base/own-executable.ts';
import { temporaryDirectory } from '../../support/site/temp.ts';

it('the executable is found as a shell finds it, where Node knows only its name', () => {
  const directory = temporaryDirectory('bin', { keepOwner: true });
  const path = join(directory, 'walvault');
  writeFileSync(path, '');
  const env = { PATH: `/nowhere:${directory}` };
  assert.equal(ownExecutable('walvault', env), 'walvault', 'it is no program');
  chmodSync(path, 0o755);
  assert.equal(ownExecutable('walvault', env), path);
  assert.equal(ownExecutable(relative('.', path), {}), path);
  assert.equal(ownExecutable('/opt/walvault', env), '/opt/walvault');
  assert.equal(ownExecutable('walvault', {}), 'walvault');
});
