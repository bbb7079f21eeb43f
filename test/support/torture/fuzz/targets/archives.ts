/** What holds the bytes of an object: tar, zstd. */
import { createHash } from 'node:crypto';
import { WalvaultError } from '../../../../../src/base/errors/errors.ts';
import {
  readTar,
  tarHeader,
  tarPadding,
  tarTrailer,
  type TarEntry,
} from '../../../../../src/pipeline/tar/index.ts';
import { headerChecksum, fields } from '../../../../../src/pipeline/tar/entry.ts';
import { decompressZstdByFrame } from '../../../../../src/pipeline/zstd/by-frame.ts';
import { compressZstdAtOnce, decompressZstd } from '../../../../../src/pipeline/zstd/streaming.ts';
import { decompressZstdWhole } from '../../../../../src/pipeline/zstd/whole.ts';
import { goldenContents, goldenObjects } from '../golden.ts';
import { mebibyte } from '../limits.ts';
import { inRandomChunks, type FuzzTarget } from '../target.ts';

export const tar: FuzzTarget = {
  name: 'tar',
  reads: 'a part of a backup, decoded',
  parsers: [
    'pipeline/tar/read.ts#readTar',
    'pipeline/tar/parse-header.ts#parseHeader',
    'pipeline/tar/pax-records.ts#parsePaxRecords',
  ],
  open: async () => ({
    form: 'bytes',
    corpus: [...(await goldenContents(/parts\/000002\.tar/, 4, 12 * 1024)), ...strangeTars()],
    repair: withTarChecksums,
    async parse(input, { random }) {
      for await (const { entry, content } of readTar(inRandomChunks(input, random))) {
        if (/^\/|(^|\/)\.\.?(\/|$)|\0/.test(entry.path))
          throw new Error(`a path out of the directory: ${entry.path}`);
        let sizeBytes = 0;
        for await (const chunk of content) sizeBytes += chunk.length;
        if (sizeBytes !== entry.sizeBytes) throw new Error('a member of another size than it says');
      }
    },
  }),
};

/** Members of every kind, with short and long names, and a long name as GNU tar writes it. */
function strangeTars(): Buffer[] {
  const member = (entry: Partial<TarEntry>, content = '') => {
    const whole: TarEntry = {
      path: 'base/1/2',
      type: 'file',
      sizeBytes: content.length,
      mode: 0o600,
      mtimeMs: 0,
      uid: 1000,
      gid: 1000,
      ...entry,
    };
    return [tarHeader(whole), Buffer.from(content), tarPadding(content.length)];
  };
  const long = 'base/'.repeat(60);
  const gnuName = tarHeader({
    path: '././@LongLink',
    type: 'file',
    sizeBytes: long.length + 1,
    mode: 0,
    mtimeMs: 0,
  });
  gnuName.write('L', fields.type[0], 'latin1');
  return [
    [
      ...member({ path: 'base', type: 'directory' }),
      ...member({}, 'content'),
      ...member({ path: 'link', type: 'symlink', linkTarget: '../../etc' }),
    ],
    member({ path: `${long}1` }, 'x'.repeat(1000)),
    member({ path: 'é'.repeat(80), uid: 2 ** 31, sizeBytes: 0 }),
    [gnuName, Buffer.from(`${long}\0`), tarPadding(long.length + 1), ...member({}, 'y')],
    [],
  ].map(blocks => Buffer.concat([...blocks, tarTrailer]));
}

/** Makes the checksum right in each block that may be a header. */
function withTarChecksums(input: Buffer): Buffer {
  for (let at = 0; at + 512 <= input.length; at += 512) {
    const block = input.subarray(at, at + 512);
    if (block.toString('latin1', 257, 262) !== 'ustar') continue;
    block.write(`${headerChecksum(block).toString(8).padStart(6, '0')}\0 `, fields.checksum[0], 'latin1');
  }
  return input;
}

/** So much a small input may hold here; what unpacks further is refused by those who know how long it must be. */
const mostUnpackedBytes = 8 * mebibyte;

export const zstd: FuzzTarget = {
  name: 'zstd',
  reads: 'a compressed object',
  parsers: [
    'pipeline/zstd/streaming.ts#decompressZstd',
    'pipeline/zstd/streaming.ts#decodeStream',
    'pipeline/zstd/by-frame.ts#decompressZstdByFrame',
    'pipeline/zstd/whole.ts#decompressZstdFrame',
    'pipeline/zstd/whole.ts#decompressZstdWhole',
    'pipeline/zstd/frames.ts#ZstdFrameWalk',
  ],
  open: () => {
    const frame = (data: Uint8Array) => Buffer.from(compressZstdAtOnce(data, { level: 1 }));
    const text = Buffer.from('WAL says nothing, and it says it twice. '.repeat(50));
    const long = Buffer.alloc(3 * mebibyte);
    return Promise.resolve({
      form: 'bytes',
      corpus: [
        frame(text),
        frame(Buffer.alloc(0)),
        frame(long),
        Buffer.concat([frame(text), frame(text)]),
        Buffer.concat([Buffer.from('502a4d1803000000616263', 'hex'), frame(text)]),
        ...goldenObjects(/manifest\.ndjson\.zst$/, 2),
        ...goldenObjects(/wal\/0.*\/[0-9A-F]{24}$/, 3).map(object => object.subarray(0, 65_536)),
      ],
      async parse(input, { random }) {
        const chunks = () => inRandomChunks(input, random);
        const streamed = await outcomeOf(() => digestOfStream(decompressZstd()(chunks())));
        const byFrame = await outcomeOf(() => digestOfStream(decompressZstdByFrame()(chunks())));
        const whole = await outcomeOf(() => digestOf(decompressZstdWhole(Buffer.from(input), 4 * mebibyte)));
        // What the whole reader refuses or leaves to the stream may be taken there: libzstd compares the announced size of a
        // frame that ends with an empty block in one call only.
        if (streamed === 'long') return;
        for (const [how, found] of Object.entries({ 'in one call': whole, 'frame by frame': byFrame }))
          if (found !== undefined && found !== 'refused' && found !== streamed)
            throw new Error(`${how} ${found}, as a stream ${streamed}`);
      },
    });
  },
};

async function digestOfStream(decoded: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of decoded) {
    hash.update(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes > mostUnpackedBytes) return 'long';
  }
  return hash.digest('hex');
}

function digestOf(data: Uint8Array | undefined): string | undefined {
  return data && createHash('sha256').update(data).digest('hex');
}

async function outcomeOf<T>(work: () => Promise<T> | T): Promise<T | 'refused'> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof WalvaultError && error.code === 'damaged') return 'refused';
    throw error;
  }
}
