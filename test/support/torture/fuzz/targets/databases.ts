/** What a restore of some databases reads: the name map of a backup, and what servers say. */
import { writeFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseClosed } from '../../../../../src/operations/restore/only-databases/close-placeholders.ts';
import {
  parseInvalidPage,
  readInvalidPages,
} from '../../../../../src/operations/restore/only-databases/invalid-pages.ts';
import {
  nameMapHeader,
  nameMapTrailer,
  readNameMapDatabases,
  tablespaceLine,
  unreadDatabaseLine,
} from '../../../../../src/repository/format/name-map.ts';
import { inRandomChunks, type FuzzTarget } from '../target.ts';

export const nameMap: FuzzTarget = {
  name: 'name map',
  reads: 'the name map of a backup, decoded',
  parsers: ['repository/format/name-map.ts#readNameMapDatabases'],
  open: async () => ({
    form: 'json',
    corpus: [sampleMap()],
    async parse(input, { random }) {
      const id = /"backup"\s*:\s*"([^"]*)"/.exec(input.toString('latin1', 0, 200))?.[1] ?? '';
      for (const { oid, name } of await readNameMapDatabases(inRandomChunks(input, random), id))
        if (name === '' || !Number.isSafeInteger(oid)) throw new Error('an impossible database');
    },
  }),
};

function sampleMap(): Buffer {
  const database = { oid: 16_384, name: 'sales', tablespace: 1663, closed: undefined };
  return Buffer.from(
    [
      nameMapHeader('20261122T020000Z-full-3f2a91'),
      tablespaceLine({ oid: 1663, name: 'pg_default' }),
      `${JSON.stringify({ database: 'template1', oid: 1, tablespace: 1663, encoding: 'UTF8' })}\n`,
      `${JSON.stringify({ relation: 'pg_class', schema: 'pg_catalog', kind: 'r', oid: 1259, path: 'base/1/1259' })}\n`,
      unreadDatabaseLine(database, 'it allows no connections'),
      nameMapTrailer(1),
    ].join(''),
  );
}

const log = `2026-12-01 03:18:02.690 UTC [8570] LOG:  redo starts at 0/BB3CAF0
2026-12-01 03:18:02.691 UTC [8570] WARNING:  page 7 of relation base/16385/16390_vm does not exist
2026-12-01 03:18:02.691 UTC [8570] WARNING:  page 4294967294 of relation pg_tblspc/1/PG_15_202209061/5/1 is uninitialized
2026-12-01 03:18:02.691 UTC [8570] WARNING:  WAL contains references to invalid pages
	 1: concat = "placeholder 16385 676f6e65"	(typeid = 25, len = -1, typmod = -1, byval = f)
	 1: ?column? = "subscription"	(typeid = 25, len = -1, typmod = -1, byval = f)
`;

export const recoveryWords: FuzzTarget = {
  name: 'recovery words',
  reads: 'the log of a server that recovers, and what one of a single session prints',
  parsers: [
    'operations/restore/only-databases/invalid-pages.ts#parseInvalidPage',
    'operations/restore/only-databases/invalid-pages.ts#readInvalidPages',
    'operations/restore/only-databases/close-placeholders.ts#parseClosed',
  ],
  open: () =>
    Promise.resolve({
      form: 'text',
      corpus: [Buffer.from(log)],
      async parse(input, { directory }) {
        const path = join(directory, 'log');
        writeFileSync(path, input);
        const { expected, unexpected, named } = await readInvalidPages(path, () => false);
        rmSync(path);
        if (expected > 0 || named.length > Math.min(unexpected, 5)) throw new Error('an impossible count');
        const text = input.toString('latin1');
        for (const line of text.split('\n'))
          if ((parseInvalidPage(line)?.page ?? 0) < 0) throw new Error('an impossible page');
        for (const { oid } of parseClosed(text).placeholders)
          if (!Number.isSafeInteger(oid)) throw new Error('an impossible database');
      },
    }),
};
