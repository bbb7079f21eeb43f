import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { parse } from 'smol-toml';
import { test } from 'vitest';
import { settingsReference } from '../../../src/config/reference.ts';
import type { Setting } from '../../../src/config/setting.ts';
import { repositorySettings } from '../../../src/config/repository-settings.ts';
import { settings } from '../../../src/config/settings.ts';
import { readValue } from '../../../src/config/value.ts';

test('the reference page is what the table says (UPDATE_DOCS=1 writes it)', async () => {
  const page = new URL('../../../docs/reference/settings.md', import.meta.url);
  if (process.env['UPDATE_DOCS'] === '1') await writeFile(page, settingsReference());
  assert.equal(await readFile(page, 'utf8'), settingsReference());
});

test('every example in the table is accepted', () => {
  for (const [key, setting] of [
    ...Object.entries<Setting>(settings),
    ...Object.entries<Setting>(repositorySettings),
  ]) {
    const { value } = parse(`value = ${setting.example}`);
    const reading = { env: {}, onSecret: () => undefined };
    readValue(setting, { value, label: key, origin: '', directory: '/', isPrivate: true }, reading);
  }
});
