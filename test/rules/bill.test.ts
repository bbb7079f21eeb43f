/** The bill of materials beside the executable: it has what esbuild put into the packs, and nothing else. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, test } from 'vitest';
import lock from '../../package-lock.json' with { type: 'json' };
import nodeDigests from '../../scripts/node-sha256.json' with { type: 'json' };
import { bundledPackages, type LockedPackages } from '../../scripts/build/bill/bundled-packages.ts';
import type { BillDocument, Component } from '../../scripts/build/bill/describe-bill.ts';
import { bundle } from '../../scripts/build/bundle.ts';
import { temporaryDirectory } from '../support/site/temp.ts';

const root = resolve(import.meta.dirname, '../..');
const dist = (name: string) => readFileSync(join(root, 'dist', name));
const locked = lock.packages as LockedPackages;

describe('beside the executable', () => {
  const bill = JSON.parse(dist('walvault.cdx.json').toString()) as BillDocument;
  const libraries = bill.components.filter(({ type }) => type === 'library');
  let sources: readonly string[] = [];
  beforeAll(async () => {
    const outDirectory = temporaryDirectory('bundle');
    ({ sources } = await bundle({ root, outDirectory, version: '0', commit: '0' }));
  });

  test('each file of a package that is bundled belongs to a component, and each component has such a file', () => {
    const directories = libraries.map(component => component['bom-ref'].replace(/^.*#/, ''));
    const bundled = sources.filter(path => path.includes('node_modules/'));
    assert.ok(bundled.length > 100);
    const isOf = (path: string, directory: string) =>
      path.startsWith(`${directory}/`) && !path.slice(directory.length).includes('/node_modules/');
    for (const path of bundled)
      assert.ok(
        directories.some(each => isOf(path, each)),
        path,
      );
    for (const each of directories)
      assert.ok(
        bundled.some(path => isOf(path, each)),
        each,
      );
  });

  test('each component is named as the lock file has it, with its digest and licence', () => {
    for (const { 'bom-ref': reference, version, licenses, hashes } of libraries) {
      const entry = locked[reference.replace(/^.*#/, '')];
      assert.equal(version, entry?.version, reference);
      const hex = Buffer.from((entry?.integrity ?? '').slice('sha512-'.length), 'base64').toString('hex');
      assert.deepEqual(hashes, [{ alg: 'SHA-512', content: hex }], reference);
      assert.match(JSON.stringify(licenses), /^\[{"expression":"[\w.-]+( (AND|OR) [\w.-]+)*"}\]$/, reference);
    }
  });

  test('it has Node by its digest, with the parts of Node', () => {
    const [node, ...others] = bill.components.filter(({ type }) => type === 'platform');
    assert.ok(node !== undefined && others.length === 0);
    assert.equal(node.version, nodeDigests.version);
    const known = (nodeDigests as Record<string, string>)[`${process.platform}-${process.arch}`];
    assert.deepEqual(node['hashes'], [{ alg: 'SHA-256', content: known }]);
    const parts = (node['components'] as Component[]).map(({ name, version }) => `${name} ${version}`);
    for (const name of ['openssl', 'v8', 'zlib'])
      assert.ok(parts.includes(`${name} ${process.versions[name]}`), name);
  });

  test('it is of this executable, and names everything once', () => {
    const sha256 = createHash('sha256').update(dist('walvault')).digest('hex');
    assert.deepEqual(bill.metadata.component['hashes'], [{ alg: 'SHA-256', content: sha256 }]);
    const references = bill.components.map(component => component['bom-ref']);
    assert.equal(new Set(references).size, references.length);
    const [dependencies] = bill['dependencies'] as { dependsOn: string[] }[];
    assert.deepEqual(dependencies?.dependsOn, references);
  });

  test('the licences of all components are there, word for word', () => {
    const text = dist('walvault.licenses.txt').toString();
    for (const { name, version } of libraries) assert.ok(text.includes(`\n${name} ${version}\n`), name);
    for (const phrase of [
      'GNU LESSER GENERAL PUBLIC LICENSE',
      'Copyright (c) 2010 - 2021 Brian Carlson',
      'Copyright Node.js contributors',
    ])
      assert.ok(text.includes(phrase), phrase);
  });
});

describe('a bundled file', () => {
  const entry = { version: '1.0.0', integrity: 'sha512-AAAA', license: 'MIT' };
  const inner = 'node_modules/@scope/a/node_modules/b';

  test('is of the innermost package', () => {
    const files = ['src/main.ts', `${inner}/lib/x.js`, `${inner}/package.json`, 'node_modules/@scope/a/y.js'];
    const found = bundledPackages(files, { [inner]: entry, 'node_modules/@scope/a': entry });
    assert.deepEqual(
      found.map(({ name, directory }) => [name, directory]),
      [
        ['@scope/a', 'node_modules/@scope/a'],
        ['b', inner],
      ],
    );
  });

  test.each([
    ['is not in the lock file', undefined, /no version and digest/],
    ['has no digest there', { version: '1.0.0', license: 'MIT' }, /no version and digest/],
    ['is for development only', { ...entry, dev: true }, /for development only/],
    ['has no licence', { version: '1.0.0', integrity: 'sha512-AAAA' }, /no licence/],
  ])('ends the build if its package %s', (_what, locked, message) => {
    assert.throws(
      () =>
        bundledPackages(['node_modules/a/x.js'], locked === undefined ? {} : { 'node_modules/a': locked }),
      message,
    );
  });

  test('is under the name that SPDX has for its licence today', () => {
    const [found] = bundledPackages(['node_modules/a/x.js'], {
      'node_modules/a': { ...entry, license: 'LGPL-3.0+' },
    });
    assert.equal(found?.licence, 'LGPL-3.0-or-later');
  });
});
