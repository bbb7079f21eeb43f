/** What npm may put on the machine that builds: only what the lock file has a digest of, and no code of it runs meanwhile. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, test } from 'vitest';
import lock from '../../package-lock.json' with { type: 'json' };
import packageJson from '../../package.json' with { type: 'json' };
import nodeDigests from '../../scripts/node-sha256.json' with { type: 'json' };
import pkgConfig from '../../pkg.config.json' with { type: 'json' };

interface Locked {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly link?: boolean;
}

const root = resolve(import.meta.dirname, '../..');
const locked = Object.entries(lock.packages as Record<string, Locked>).filter(([place]) => place !== '');
const direct = {
  ...packageJson.dependencies,
  ...packageJson.devDependencies,
  ...packageJson.optionalDependencies,
};

test('each package of the lock file has a SHA-512, and none an address of its own', () => {
  assert.ok(locked.length > 100);
  for (const [place, { integrity, resolved, link }] of locked) {
    assert.match(integrity ?? '', /^sha512-[A-Za-z0-9+/]{86}==$/, place);
    assert.equal(resolved, undefined, `${place}: the registry of the machine serves it, by its name`);
    assert.equal(link, undefined, place);
  }
});

test('versions are exact, and those of the lock file', () => {
  for (const [name, wanted] of Object.entries({ ...direct, ...packageJson.overrides })) {
    const version = /^(?:npm:.+@)?(\d+\.\d+\.\d+(?:-[\w.]+)?)$/.exec(wanted)?.[1];
    assert.ok(version !== undefined, `${name} ${wanted}`);
    const there = locked.find(([place]) => place === `node_modules/${name}`);
    assert.equal(there?.[1].version, version, name);
  }
});

test('no package runs code of its own while it is installed', () => {
  const settings = readFileSync(resolve(root, '.npmrc'), 'utf8').split('\n');
  assert.ok(settings.includes('ignore-scripts=true'));
  // npm would run these of ours no more.
  for (const name of Object.keys(packageJson.scripts))
    assert.doesNotMatch(name, /^(pre|post)|^prepare$|install$/);
});

describe('the pinned Node', () => {
  test.each(pkgConfig.targets)(
    'for $platform-$arch has one version and a digest',
    ({ platform, arch, nodeRange }) => {
      assert.equal(nodeRange, `node${nodeDigests.version}`);
      assert.match((nodeDigests as Record<string, string>)[`${platform}-${arch}`] ?? '', /^[0-9a-f]{64}$/);
      assert.equal((direct as Record<string, string>)[`node-${platform}-${arch}`], nodeDigests.version);
    },
  );

  test('comes by the lock file, not by an install script that asks for it without a digest', () => {
    assert.ok(!('node' in direct));
  });
});
