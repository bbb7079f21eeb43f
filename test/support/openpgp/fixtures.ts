/** Key pairs, generated once for all tests of a file. */
import { generateKey } from 'openpgp';
import type { Secret } from '../../../src/base/secret.ts';
import {
  createDecryptor,
  createEncryptor,
  createSigner,
  generateKeyPair,
  readPrivateKeys,
  readPublicKeys,
  type Decryptor,
  type Encryptor,
  type EncryptTo,
  type PrivateKey,
  type PublicKey,
  type SignatureVerdict,
  type Signer,
} from '../../../src/pipeline/openpgp/index.ts';
import { through } from '../streams.ts';

export interface Pair {
  readonly publicArmored: string;
  readonly privateArmored: string;
  readonly publicKey: PublicKey;
  readonly privateKey: PrivateKey;
}

export async function makePair(use: 'encrypt' | 'sign', userId: string, passphrase?: Secret): Promise<Pair> {
  const made = await generateKeyPair({ userId, use, ...(passphrase === undefined ? {} : { passphrase }) });
  return await readPair(made.publicArmored, made.privateArmored, passphrase);
}

export async function readPair(
  publicArmored: string,
  privateArmored: string,
  passphrase?: Secret,
): Promise<Pair> {
  const [publicKey] = await readPublicKeys(Buffer.from(publicArmored), 'public.asc');
  const [privateKey] = await readPrivateKeys(
    Buffer.from(privateArmored),
    'private.asc',
    passphrase && [passphrase],
  );
  if (publicKey === undefined || privateKey === undefined) throw new Error('no key was read');
  return { publicArmored, privateArmored, publicKey, privateKey };
}

const day = 24 * 3600;

/** A key for encryption that expires in so many days. */
export async function expiringPair(inDays: number): Promise<Pair> {
  const made = await generateKey({
    userIDs: [{ name: `in ${inDays} days` }],
    type: 'ecc',
    curve: 'curve25519Legacy',
    date: new Date(Date.now() - 100 * day * 1000),
    keyExpirationTime: (100 + inDays) * day,
    config: { aeadProtect: false },
  });
  return await readPair(made.publicKey, made.privateKey);
}

export const objectKey = 'main/7/wal/00000001/00000000/000000010000000000000001';

export async function encrypt(to: EncryptTo, data: Uint8Array, signer?: Signer): Promise<Buffer> {
  const encryptor: Encryptor = await createEncryptor(to, signer);
  const run = await encryptor.start(objectKey);
  return await through(source => run.apply(source), data);
}

/** As `encrypt`, of data that is in memory. */
export async function encryptAtOnce(to: EncryptTo, data: Uint8Array, signer?: Signer): Promise<Buffer> {
  const encryptor: Encryptor = await createEncryptor(to, signer);
  return (await encryptor.start(objectKey)).applyAtOnce(data, Buffer.alloc);
}

export async function decrypt(
  decryptor: Decryptor,
  message: Uint8Array,
  key: string = objectKey,
): Promise<{ plain: Buffer; verdict: SignatureVerdict }> {
  const run = decryptor.start(key);
  const plain = await through(source => run.apply(source), message);
  return { plain, verdict: run.verdict() };
}

export interface Cast {
  readonly reader: Pair;
  readonly host: Pair;
  readonly signer: Signer;
  /** Holds the reader's private key and trusts the host. */
  readonly decryptor: Decryptor;
}

export async function makeCast(): Promise<Cast> {
  const reader = await makePair('encrypt', 'Backup reader');
  const host = await makePair('sign', 'host db1');
  return {
    reader,
    host,
    signer: createSigner(host.privateKey),
    decryptor: await createDecryptor({
      privateKeys: [reader.privateKey],
      trustedSigners: [host.publicKey],
    }),
  };
}
