/** Objects of a WAL segment: compressed, encrypted, signed, and damaged in many ways. */
import { createHash } from 'node:crypto';
import { run } from '../../test/support/site/run.ts';
import { seal, users } from './openpgp.ts';
import { tree, writeVector, type Header } from './vector-file.ts';

const segmentKey = `${tree}/wal/00000001/00000000/000000010000000000000007`;

const plain = Buffer.from(
  'As much WAL as a test vector needs: it says nothing, and it says it twice. It says nothing.\n'.repeat(20),
);

export async function writeWalObjects(): Promise<void> {
  const compressed = await zstd(plain);
  const half = plain.length / 2;
  const frames = [await zstd(plain.subarray(0, half)), await zstd(plain.subarray(half))] as const;
  const message = await sealed(compressed);
  const require = { verify: 'require' };

  wal('wal-plain', 'Neither compressed nor encrypted.', 'success', plain);
  wal('wal-zstd', 'One zstd frame.', 'success', compressed);
  wal('wal-zstd-two-frames', 'Two zstd frames, which a reader must join.', 'success', Buffer.concat(frames));
  wal(
    'wal-zstd-empty-frame',
    'An empty frame behind the content.',
    'success',
    Buffer.concat([compressed, await zstd(Buffer.alloc(0))]),
  );
  wal(
    'wal-zstd-cut-at-frame',
    'The second of two frames is gone: nothing in the first one says so.',
    'damaged',
    frames[0],
  );
  wal('wal-zstd-cut', 'A frame cut in the middle.', 'damaged', compressed.subarray(0, compressed.length - 9));
  wal(
    'wal-zstd-flipped',
    'One bit of the content checksum is flipped.',
    'damaged',
    flipped(compressed, compressed.length - 1),
  );
  wal(
    'wal-zstd-junk-behind',
    'Bytes behind the last frame that are none.',
    'damaged',
    Buffer.concat([compressed, Buffer.from('junk')]),
  );
  wal('wal-empty', 'No bytes at all.', 'damaged', Buffer.alloc(0));
  wal(
    'wal-html',
    'A page of a load balancer in place of the object.',
    'damaged',
    Buffer.from('<html><body>503</body></html>\n'),
  );
  wal(
    'wal-other-content',
    'Another file than the metadata was written for.',
    'damaged',
    await zstd(Buffer.from(plain).fill(1, 0, 8)),
  );
  wal(
    'wal-no-metadata',
    'Metadata lost in a copy: the content is read all the same.',
    'success',
    compressed,
    {
      digest: undefined,
      size: undefined,
      storeddigest: undefined,
      storedsize: undefined,
      writeid: undefined,
    },
  );
  wal('wal-openpgp', 'zstd, signed, encrypted to the reader.', 'success', message, require);
  wal(
    'wal-openpgp-uncompressed',
    'Signed and encrypted without zstd.',
    'success',
    await sealed(plain),
    require,
  );
  wal(
    'wal-openpgp-unsigned',
    'Encrypted, not signed, while signatures are required.',
    'bad signature',
    await sealed(compressed, { by: undefined }),
    require,
  );
  wal(
    'wal-openpgp-unsigned-warn',
    'Encrypted, not signed, while signatures are wanted.',
    'success',
    await sealed(compressed, { by: undefined }),
    { verify: 'warn' },
  );
  wal(
    'wal-openpgp-stranger',
    'Signed by a key that nobody trusts.',
    'bad signature',
    await sealed(compressed, { by: users.stranger }),
    require,
  );
  wal(
    'wal-openpgp-moved',
    'Signed for another key: a genuine segment under a wrong name.',
    'bad signature',
    await sealed(compressed, { as: segmentKey.replace(/7$/, '8') }),
    require,
  );
  wal(
    'wal-openpgp-moved-off',
    'The same where nobody looks at signatures: the digest still fits.',
    'success',
    await sealed(compressed, { as: segmentKey.replace(/7$/, '8') }),
  );
  wal(
    'wal-openpgp-no-key',
    'Encrypted to a key that the reader does not have.',
    'no key',
    await sealed(compressed, { to: users.stranger }),
    require,
  );
  wal(
    'wal-openpgp-flipped',
    'One bit of the encrypted content is flipped.',
    'damaged',
    flipped(message, message.length - 60),
    require,
  );
  wal(
    'wal-openpgp-cut',
    'The end of the message is missing.',
    'damaged',
    message.subarray(0, message.length - 30),
    require,
  );
  wal(
    'wal-openpgp-cut-packet',
    'Nothing but the packet with the session key.',
    'damaged',
    message.subarray(0, 96),
    require,
  );
  wal('wal-openpgp-twice', 'A message inside a message.', 'damaged', await sealed(message), require);
  wal(
    'wal-zstd-of-openpgp',
    'Compressed after it was encrypted: not this format.',
    'damaged',
    await zstd(message),
  );
}

function wal(name: string, comment: string, expect: string, stored: Uint8Array, more: Header = {}): void {
  const header = {
    comment,
    'read-as': 'wal-object',
    key: segmentKey,
    expect,
    verify: 'off',
    ...metadataOf(stored),
    ...more,
  };
  writeVector(name, header, stored);
}

/** The metadata that push writes for these bytes. */
function metadataOf(stored: Uint8Array): Header {
  return {
    digest: `sha256:${sha256(plain)}`,
    size: plain.length,
    storeddigest: `sha256:${sha256(stored)}`,
    storedsize: stored.length,
    writeid: '000102030405060708090a0b',
  };
}

function sealed(
  data: Uint8Array,
  options: { to?: string; by?: string | undefined; as?: string } = {},
): Promise<Buffer> {
  return seal(data, { by: users.writer, as: segmentKey, ...options });
}

async function zstd(data: Uint8Array, args: readonly string[] = ['--check']): Promise<Buffer> {
  return (await run('zstd', ['-q', '-1', ...args, '-c'], { input: data })).stdoutBytes;
}

const sha256 = (data: Uint8Array) => createHash('sha256').update(data).digest('hex');
const flipped = (data: Uint8Array, at: number) => {
  const copy = Buffer.from(data);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
};
