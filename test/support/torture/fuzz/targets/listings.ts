/** What a listing tells: keys and metadata of any form, with a few objects behind them. */
import { WalGeometry } from '../../../../../src/postgres/wal/geometry.ts';
import { parseRelationFile } from '../../../../../src/postgres/cluster/relation-file.ts';
import { isCopiedNote, isWalKey, joinListings } from '../../../../../src/operations/copy/plan.ts';
import { purposeOfKey } from '../../../../../src/repository/format/key-purpose.ts';
import { isPartKey, parseNoteKey, parseWalKey } from '../../../../../src/repository/format/layout.ts';
import { judgeMetadata } from '../../../../../src/repository/format/metadata-signature.ts';
import { decodeMetadata } from '../../../../../src/repository/format/object-metadata.ts';
import type { Repository } from '../../../../../src/repository/repository.ts';
import { surveySystem } from '../../../../../src/repository/survey.ts';
import { isLegalKey } from '../../../../../src/stores/driver-kit/key.ts';
import { parseSidecar } from '../../../../../src/stores/fs/sidecar.ts';
import { StoreError, type ListEntry, type Store } from '../../../../../src/stores/store.ts';
import { overrideStore, signal, system } from '../../../site/archive.ts';
import { createMemoryStore } from '../../../../../src/stores/memory/store.ts';
import { readerCodec, readVector } from '../../../vectors/vector.ts';
import { goldenObjects } from '../golden.ts';
import type { FuzzTarget } from '../target.ts';

interface Listed {
  readonly key: string;
  readonly sizeBytes: number;
  readonly body: string;
  readonly metadata: Readonly<Record<string, string>>;
}

const tree = `${system.cluster}/${system.systemId}`;
const keys = [
  'wal/00000001/00000000/000000010000000000000001',
  'wal/00000001/00000000/000000010000000000000003',
  'wal/00000001/00000000/000000010000000000000003.00000028.backup',
  'wal/00000001/00000000/000000010000000000000004.partial.0123456789abcdef',
  'wal/00000001/00000000/000000010000000000000003.conflict.0123456789abcdef',
  'wal/00000002/00000000/000000020000000000000005',
  'timelines/00000002.history',
  'timelines/00000003.history',
  'backups/20261122T020000Z-full-3f2a91/claim.json',
  'backups/20261122T020000Z-full-3f2a91/parts/000001.tar.zst',
  'catalog/notes/high-water/000000010000000000000008-high-water.json',
  'catalog/notes/wal-00000001/20261129T212440686Z-wal-lost.json',
].map(key => `${tree}/${key}`);

/** A store that lists, describes and gives what it was told, whatever rules our own stores have. */
function storeOf(objects: readonly Listed[]): Store {
  const of = (key: string) => objects.find(object => object.key === key);
  const statOf = ({ key, sizeBytes, metadata }: Listed) => ({
    key,
    sizeBytes,
    metadata,
    modified: new Date(0),
  });
  return overrideStore(createMemoryStore(), {
    async *list({ prefix, delimiter }): AsyncGenerator<ListEntry> {
      const prefixes = new Set<string>();
      for (const object of objects.filter(({ key }) => key.startsWith(prefix))) {
        const cut = delimiter === undefined ? -1 : object.key.indexOf(delimiter, prefix.length);
        if (cut === -1) yield statOf(object);
        else if (!prefixes.has(object.key.slice(0, cut + 1))) {
          prefixes.add(object.key.slice(0, cut + 1));
          yield { prefix: object.key.slice(0, cut + 1) };
        }
      }
    },
    head: key => Promise.resolve(of(key) && statOf(of(key) as Listed)),
    async get(key) {
      const object = of(key);
      if (object === undefined) throw new StoreError('absent', `get ${key}: no such object`);
      return { stat: statOf(object), body: (async function* () { yield Buffer.from(object.body); })() }; // prettier-ignore
    },
  });
}

function listedIn(input: Buffer): Listed[] {
  const value = JSON.parse(input.toString('utf8')) as unknown;
  if (!Array.isArray(value)) return [];
  return (value as unknown[]).slice(0, 200).flatMap(item => {
    const { key, sizeBytes, body, metadata } = (item ?? {}) as Record<string, unknown>;
    if (typeof key !== 'string') return [];
    const texts = Object.entries(metadata ?? {}).filter(entry => typeof entry[1] === 'string');
    return [
      {
        key,
        sizeBytes: typeof sizeBytes === 'number' ? Math.abs(Math.floor(sizeBytes)) : 0,
        body: typeof body === 'string' ? body : '',
        metadata: Object.fromEntries(texts),
      },
    ];
  });
}

const codecs = (['require', 'warn', 'off'] as const).map(readerCodec);
const geometry = new WalGeometry(1024 ** 2);

export const listing: FuzzTarget = {
  name: 'listing',
  reads: 'keys and metadata that a store lists, and a survey of them',
  parsers: [
    'repository/format/layout.ts#parseWalKey',
    'repository/format/layout.ts#parseNoteKey',
    'repository/format/layout.ts#isPartKey',
    'repository/format/object-metadata.ts#decodeMetadata',
    'repository/format/metadata-signature.ts#judgeMetadata',
    'repository/wal/timelines.ts#readTimelines',
    'stores/driver-kit/key.ts#isLegalKey',
    'operations/copy/plan.ts#isWalKey',
    'operations/copy/plan.ts#isCopiedNote',
    'postgres/cluster/relation-file.ts#parseRelationFile',
    'postgres/wal/file-name.ts#parseWalFileName',
  ],
  open() {
    const { header, body } = readVector('wal-zstd.txt');
    const { digest = '', size = '', storeddigest = '', storedsize = '', writeid = '' } = header;
    const metadata = { digest, size, storeddigest, storedsize, writeid };
    const branch = { ...metadata, parent: '1', switchpoint: '0/3000000', signature: body.toString('base64') };
    const objects = keys.map(key => ({
      key,
      sizeBytes: 100,
      body: '{}',
      metadata: key.endsWith('.history') ? branch : metadata,
    }));
    const histories = objects.map(object => ({ ...object, body: '1\t0/3000000\tx\n', metadata: {} }));
    return Promise.resolve({
      form: 'json',
      corpus: [objects, histories, objects.slice(0, 4)].map(list => Buffer.from(JSON.stringify(list))),
      async parse(input, { random }) {
        let objects: Listed[];
        try {
          objects = listedIn(input);
        } catch {
          return;
        }
        for (const { key, metadata } of objects) {
          parseWalKey(key);
          parseNoteKey(key);
          isPartKey(key);
          purposeOfKey(key);
          isLegalKey(key);
          isWalKey(key);
          isCopiedNote(key, { onWalOnly: true });
          parseRelationFile(key);
          decodeMetadata(metadata);
        }
        const store = storeOf(objects);
        const codec = random.pick(codecs);
        const repository: Repository = { name: 'main', required: true, expectedId: undefined, store, codec };
        for (const { key, metadata } of objects.slice(0, 3))
          await judgeMetadata(codec.keyring, key, metadata);
        for await (const pair of joinListings(
          store.list({ prefix: '', signal }),
          store.list({ prefix: tree, signal }),
        ))
          if (Object.values(pair).length > 5) throw new Error('more than two of a pair');
        const survey = surveySystem(repository, system, signal);
        await survey.wal(geometry);
        await survey.timelines();
        await survey.gaps(geometry);
        await survey.outdatedHighWater(geometry);
        await survey.backupDirectories();
        for (const [id] of await survey.backupDirectories()) await survey.parentOf(id);
      },
    });
  },
};

export const sidecar: FuzzTarget = {
  name: 'sidecar',
  reads: 'the metadata of an object in a directory',
  parsers: ['stores/fs/sidecar.ts#parseSidecar', 'repository/format/object-metadata.ts#decodeMetadata'],
  open: () =>
    Promise.resolve({
      form: 'json',
      corpus: goldenObjects(/\.meta$/, 20),
      parse(input) {
        const text = input.toString('utf8');
        const sha256 = /"sha256":\s*"([^"]{0,64})"/.exec(text)?.[1] ?? '';
        const found = parseSidecar(`a.${sha256.slice(0, 16)}.meta`, text);
        if (found !== undefined) decodeMetadata(found.metadata);
      },
    }),
};
