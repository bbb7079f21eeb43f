import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { WalvaultError } from '../../../../src/base/errors/errors.ts';
import { mapTablespaces } from '../../../../src/operations/restore/tablespaces.ts';

const spaces = [
  { oid: 16_385, location: '/srv/fast' },
  { oid: 16_386, location: '/srv/slow' },
];
const options = { dataDirectory: '/srv/new', map: [] as string[], acceptsRecorded: false };

function codeOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof WalvaultError);
    return error.code;
  }
  return 'none';
}

describe('where tablespaces go', () => {
  test('by OID and by old location', () => {
    const map = ['16385=/mnt/a', '/srv/slow=/mnt/b'];
    assert.deepEqual(
      mapTablespaces(spaces, { ...options, map }).map(({ directory }) => directory),
      ['/mnt/a', '/mnt/b'],
    );
  });

  test('one inside the data directory: to its place in the new one, without asking; or where it is mapped to', () => {
    const near = { oid: 16_387, location: '/srv/old/spaces/near', insidePath: 'spaces/near' };
    const place = ({ directory, isInside }: { directory: string; isInside: boolean }) => [
      directory,
      isInside,
    ];
    assert.deepEqual(mapTablespaces([near], options).map(place), [['/srv/new/spaces/near', true]]);
    const map = ['16387=/mnt/a'];
    assert.deepEqual(mapTablespaces([near], { ...options, map }).map(place), [['/mnt/a', false]]);
  });

  test('nowhere outside unless somebody agrees', () => {
    assert.equal(
      codeOf(() => mapTablespaces(spaces, options)),
      'refused',
    );
    assert.equal(
      codeOf(() => mapTablespaces(spaces, { ...options, map: ['16385=/mnt/a'] })),
      'refused',
    );
    const agreed = mapTablespaces(spaces, { ...options, acceptsRecorded: true });
    assert.deepEqual(
      agreed.map(({ directory }) => directory),
      ['/srv/fast', '/srv/slow'],
    );
  });

  test('an in-place tablespace is part of the data directory', () => {
    assert.deepEqual(mapTablespaces([{ oid: 1, location: 'pg_tblspc/1' }], options), []);
  });

  for (const [name, map] of [
    ['an unknown one', ['99=/mnt/x']],
    ['a relative directory', ['16385=x', '16386=/mnt/b']],
    ['no directory', ['16385', '16386=/mnt/b']],
    ['two in one place', ['16385=/mnt/a', '16386=/mnt/a']],
    ['one inside another', ['16385=/mnt/a', '16386=/mnt/a/b']],
    ['inside the data directory', ['16385=/srv/new/base', '16386=/mnt/b']],
    ['around the data directory', ['16385=/srv', '16386=/mnt/b']],
  ] as const)
    test(`refuses ${name}`, () =>
      assert.equal(
        codeOf(() => mapTablespaces(spaces, { ...options, map })),
        'usage',
      ));
});
