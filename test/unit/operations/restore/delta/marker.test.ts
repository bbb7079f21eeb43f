import assert from 'node:assert/strict';
import { describe, it } from 'vitest';
import { WalvaultError } from '../../../../../src/base/errors/errors.ts';
import {
  encodeMarker,
  parseMarker,
  readMarker,
  removeMarker,
  writeMarker,
} from '../../../../../src/operations/restore/delta/marker.ts';
import { temporaryDirectory } from '../../../../support/site/temp.ts';

const marker = {
  systemId: 7_301_234_567_890_123_456n,
  backup: '20261122T020000Z-full-3f2a91',
  tablespaces: new Map([[16_385, '/srv/fast "disk"']]),
};

describe('the marker of a delta restore', () => {
  it('is read as it was written, until it is removed', async () => {
    const directory = temporaryDirectory('marker', { keepOwner: true });
    assert.equal(await readMarker(directory), undefined);
    await writeMarker(directory, marker);
    assert.deepEqual(await readMarker(directory), marker);
    await removeMarker(directory);
    assert.equal(await readMarker(directory), undefined);
    await removeMarker(directory);
  });

  it.each([
    '',
    '[]',
    '{}',
    encodeMarker(marker).replace('"format":1', '"format":2'),
    encodeMarker(marker).replace('"7301', '"-7301'),
    encodeMarker(marker).replace('/srv', 'srv'),
    encodeMarker(marker).replace('16385', '"16385"'),
    encodeMarker(marker).slice(0, -10),
  ])('is damaged: %s', text => {
    assert.throws(
      () => parseMarker(text),
      (error: unknown) => error instanceof WalvaultError && error.code === 'damaged',
    );
  });
});
