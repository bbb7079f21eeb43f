/** The page digests of a part, sealed and unsealed. */
import { Secret } from '../../../../../src/base/secret.ts';
import { parseHostSecret } from '../../../../../src/repository/encoding/host-secret.ts';
import {
  decodePageDigests,
  encodePageDigests,
  openPageDigests,
} from '../../../../../src/repository/format/page-digests.ts';
import type { FuzzTarget } from '../target.ts';

const id = '20261122T020000Z-full-3f2a91';
const system = { cluster: 'orders', systemId: 7_300_000_000_000_000_001n };

export const pageDigests: FuzzTarget = {
  name: 'page digests',
  reads: 'what a host stored of the pages of an earlier backup, opened',
  parsers: [
    'repository/format/page-digests.ts#decodePageDigests',
    'repository/format/layout.ts#parsePageDigestsName',
  ],
  open: async () => {
    const secret = parseHostSecret(new Secret('0f'.repeat(32)));
    return {
      form: 'bytes',
      corpus: [
        encodePageDigests([
          { path: 'base/5/16384', pageCount: 2, pages: undefined, digests: Buffer.alloc(16, 1) },
          { path: 'base/5/16385', pageCount: 9, pages: Uint32Array.of(0, 8), digests: Buffer.alloc(16, 2) },
        ]),
      ],
      async parse(input) {
        if (openPageDigests({ system, id, part: 1, secret }, input) !== undefined)
          throw new Error('they opened without the secret');
        for (const { pageCount, pages, digests } of decodePageDigests(Buffer.from(input))) {
          const count = pages?.length ?? pageCount;
          if (digests.length !== 8 * count || (pages?.at(-1) ?? -1) >= pageCount)
            throw new Error('digests of other pages');
        }
      },
    };
  },
};
