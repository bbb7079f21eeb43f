/** An archived WAL object on its way to `pg_wal`: metadata, encryption, compression, digest, header, and the file itself. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { startDeadline } from '../../../../../src/base/time/deadline.ts';
import { deliverFromFirst } from '../../../../../src/operations/fetch/delivery.ts';
import { Laggards } from '../../../../../src/operations/fetch/laggards.ts';
import { parseWalFileName, type WalFileName } from '../../../../../src/postgres/wal/file-name.ts';
import { WalGeometry } from '../../../../../src/postgres/wal/geometry.ts';
import { Codec } from '../../../../../src/repository/encoding/codec.ts';
import { Keyring } from '../../../../../src/repository/encoding/keyring.ts';
import type { SignaturePolicy } from '../../../../../src/repository/encoding/signature-policy.ts';
import { walKey } from '../../../../../src/repository/format/layout.ts';
import { createMemoryStore } from '../../../../../src/stores/memory/store.ts';
import { silentLog } from '../../../logs.ts';
import { overrideStore, signal } from '../../../site/archive.ts';
import { walFile } from '../../../wal/wal.ts';
import type { FuzzContext, FuzzTarget } from '../target.ts';

const site = resolve(import.meta.dirname, '../../../../golden/v1/encrypted');
const system = { cluster: 'orders', systemId: 7_713_707_354_977_479_891n };
const geometry = new WalGeometry(1024 ** 2);
const keys = {
  mode: 'openpgp',
  walRecipients: [],
  backupRecipients: [],
  passphrases: [],
  privateKeys: [join(site, 'offline/walvault-orders-private.asc')],
  privateKeyPassphrases: [],
  signingKey: undefined,
  signingPassphrase: undefined,
  trustedSigners: [join(site, 'walvault-keys/signing-public.asc')],
} as const;

const keyring = new Keyring(keys);
const codecOf = (verifySignatures: SignaturePolicy) =>
  new Codec(keyring, { compressionLevel: 1, verifySignatures }, silentLog);
const codecs = { require: codecOf('require'), warn: codecOf('warn'), off: codecOf('off') };

export const walObject: FuzzTarget = {
  name: 'wal-object',
  reads: 'an archived file with its metadata, as fetch delivers it',
  parsers: [
    'repository/format/object-metadata.ts#decodeMetadata',
    'repository/format/metadata-signature.ts#judgeMetadata',
    'repository/wal/read-object.ts#openWalObject',
    'repository/encoding/unpack-in-memory.ts#unpackInMemory',
  ],
  open() {
    const objects = storedFiles();
    return Promise.resolve({
      form: 'bytes',
      corpus: objects.map(({ input }) => input),
      async parse(input, context) {
        const { head, body } = split(input);
        const file =
          parseWalFileName(String(head['name'])) ?? objects[0]?.file ?? walFile('00000002.history');
        if (file.kind === 'partial') return;
        const policy = context.random.pick(['require', 'require', 'warn', 'off'] as const);
        const delivered = await fetchInto(context, { file, head, body, policy });
        // Whatever was changed: where signatures are required, what arrives is what the host archived under this name.
        const originals = objects
          .filter(object => object.file.name === file.name)
          .map(({ sha256 }) => sha256);
        if (delivered !== undefined && policy === 'require' && !originals.includes(delivered))
          throw new Error(`${file.name} was delivered with a content that nobody signed`);
      },
    });
  },
};

interface StoredFile {
  readonly file: WalFileName;
  /** Of the plain file. */
  readonly sha256: string;
  /** A line of JSON with the name and the metadata, then the stored bytes. */
  readonly input: Buffer;
}

function storedFiles(): StoredFile[] {
  const repository = join(site, 'repository');
  const paths = readdirSync(repository, { recursive: true, encoding: 'utf8' });
  return paths.toSorted().flatMap(path => {
    const file = parseWalFileName(basename(path));
    if (file === undefined) return [];
    const sidecarPath = paths.find(
      other => other.startsWith(`${path}.`) && /^\.[0-9a-f]{16}\.meta$/.test(other.slice(path.length)),
    );
    const { metadata } = JSON.parse(readFileSync(join(repository, sidecarPath ?? ''), 'utf8')) as {
      metadata: Record<string, string>;
    };
    const head = Buffer.from(`${JSON.stringify({ name: file.name, ...metadata })}\n`);
    const input = Buffer.concat([head, readFileSync(join(repository, path))]);
    return [{ file, sha256: (metadata['digest'] ?? '').replace('sha256:', ''), input }];
  });
}

function split(input: Buffer): { head: Record<string, unknown>; body: Buffer } {
  const end = input.indexOf('\n');
  const body = input.subarray(end + 1);
  try {
    const head: unknown = JSON.parse(input.toString('utf8', 0, Math.max(0, end)));
    return { head: typeof head === 'object' && head !== null ? (head as Record<string, unknown>) : {}, body };
  } catch {
    return { head: {}, body };
  }
}

interface Planted {
  readonly file: WalFileName;
  readonly head: Readonly<Record<string, unknown>>;
  readonly body: Buffer;
  readonly policy: SignaturePolicy;
}

/** The digest of what was delivered; undefined if nothing was. */
async function fetchInto(
  { directory }: FuzzContext,
  { file, head, body, policy }: Planted,
): Promise<string | undefined> {
  const key = walKey(system, file);
  const plain = createMemoryStore();
  await plain.put(key, [body], { ifAbsent: true, objectClass: 'wal', sizeBytes: body.length, signal });
  const texts = Object.entries(head).flatMap(([name, value]) =>
    typeof value === 'string' ? [[name, value]] : [],
  );
  const metadata = Object.fromEntries(texts) as Record<string, string>;
  // A service may answer with metadata that no walvault would write.
  const store = overrideStore(plain, {
    async get(wanted, options) {
      const found = await plain.get(wanted, options);
      return { ...found, stat: { ...found.stat, metadata } };
    },
  });
  const codec = codecs[policy];
  const destination = join(directory, 'RECOVERYXLOG');
  const deadline = startDeadline(60_000, 'fetch');
  try {
    const delivery = await deliverFromFirst(
      {
        destination,
        system,
        geometry,
        headerCheck: true,
        repositories: [{ name: 'main', required: true, expectedId: undefined, store, codec }],
        laggards: new Laggards(),
        deadline,
        log: silentLog,
      },
      file,
    );
    if (!('repository' in delivery)) {
      const [failure] = delivery.failures;
      if (existsSync(destination)) throw new Error('a failed delivery left the destination');
      if (failure !== undefined) throw failure;
      return undefined;
    }
    const digest = createHash('sha256').update(readFileSync(destination)).digest('hex');
    rmSync(destination);
    return digest;
  } finally {
    deadline.clear();
  }
}
