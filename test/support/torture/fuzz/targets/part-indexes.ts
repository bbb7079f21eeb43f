/** The index of a part, sealed and unsealed. */
import { Secret } from '../../../../../src/base/secret.ts';
import { parseHostSecret } from '../../../../../src/repository/encoding/host-secret.ts';
import { isSafePath } from '../../../../../src/repository/format/manifest.ts';
import {
  decodePartIndex,
  openPartIndex,
  type PartIndex,
} from '../../../../../src/repository/format/part-index.ts';
import type { FuzzTarget } from '../target.ts';

const id = '20261122T020000Z-full-3f2a91';
const system = { cluster: 'orders', systemId: 7_300_000_000_000_000_001n };

export const partIndex: FuzzTarget = {
  name: 'part index',
  reads: 'what a host stored of a part of an interrupted backup, opened and unpacked',
  parsers: [
    'repository/format/part-index.ts#decodePartIndex',
    'repository/format/layout.ts#parsePartIndexName',
    'repository/format/layout.ts#parseAttemptName',
    'repository/encoding/host-secret.ts#parseHostSecret',
  ],
  open: async () => {
    const secret = parseHostSecret(new Secret('0f'.repeat(32)));
    return {
      form: 'json',
      corpus: [sample()],
      async parse(input) {
        // What no host has sealed is never unpacked.
        if ((await openPartIndex({ system, id, part: 1, secret }, input)) !== undefined)
          throw new Error('it opened without the secret');
        const { entries, part }: PartIndex = await decodePartIndex(input, { id, part: 1 });
        if (part.number !== 1 || !part.name.startsWith('parts/')) throw new Error('another part');
        for (const { path } of entries)
          if (!isSafePath(path)) throw new Error(`a path out of the directory: ${path}`);
      },
    };
  },
};

function sample(): Buffer {
  const sha256 = 'ab'.repeat(32);
  const part = {
    number: 1,
    name: 'parts/000001.tar.zst.pgp',
    storedSizeBytes: 1000,
    storedSha256: sha256,
    plainSizeBytes: 20_480,
  };
  const lines = [
    { format: 1, host: 'db1', keys: sha256, part },
    { format: 1, backup: id },
    { path: 'base', type: 'directory', size: 0, mode: '700', mtime: 1 },
    { path: 'base/5', type: 'file', size: 8192, mode: '600', mtime: 1, sha256, part: 1 },
    { entries: 2 },
  ];
  return Buffer.from(lines.map(line => `${JSON.stringify(line)}\n`).join(''));
}
