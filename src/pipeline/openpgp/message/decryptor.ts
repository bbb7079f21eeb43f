/** Reads OpenPGP messages of walvault and of gpg 2.x, as streams in constant memory. */
import { countBounds } from '../../../base/bounds.ts';
import { freed, type ByteStream } from '../../../base/bytes/streams.ts';
import { WalvaultError } from '../../../base/errors/errors.ts';
import { readInTurn, type Secret, type SecretSource } from '../../../base/secret.ts';
import { ByteReader } from '../../byte-reader.ts';
import { damaged } from '../damaged.ts';
import { decryptBody, type SessionKey } from './integrity-protected.ts';
import type { PrivateKey, PublicKey } from '../keys/keys.ts';
import { readMessage } from './message-reader.ts';
import { packetBody, smallPacketBody } from './packet-body.ts';
import { readPacketHeader, tags, type PacketHeader } from './packet-header.ts';
import { decryptSessionKey, openPassphrasePacket, type KnownKeys } from './session-key-packets.ts';
import { deriveKey, type StringToKey } from '../keys/string-to-key.ts';
import { combineVerdicts, judgeSignature, type SignatureVerdict } from '../sign/verdict.ts';

export interface DecryptionRun {
  /**
   * The decrypted content. It comes before the integrity digest and the signature at the end: do not rely on any of it
   * until the stream has ended without an error and `verdict` was checked.
   */
  apply(source: ByteStream, options?: ReadingOptions): ByteStream;
  /** The verdict on the signature. Call this after the stream has ended. */
  verdict(): SignatureVerdict;
}

export interface ReadingOptions {
  /** The reader is done with a chunk when it asks for the next one. */
  readonly chunkByChunk?: boolean | undefined;
}

export interface Decryptor {
  /** Begins a message. `objectKey` is the key of the stored object; a signature for another key is bad. */
  start(objectKey: string): DecryptionRun;
}

export interface DecryptorOptions {
  readonly privateKeys: readonly PrivateKey[];
  /** Read when a message needs them, and tried in turn. */
  readonly passphrases?: readonly SecretSource[];
  readonly trustedSigners: readonly PublicKey[];
  readonly knownKeys?: KnownKeys;
}

/**
 * Streams throw WalvaultError `key` if no private key fits (the message names the key ids of the recipients) or the
 * passphrase is wrong (`config` if one could not be read), and `damaged` for data that is not exactly one whole message:
 * cut, changed, followed by other bytes, or without integrity protection.
 */
export function createDecryptor(options: DecryptorOptions): Promise<Decryptor> {
  const passphrases = (options.passphrases ?? []).map(createPassphrase);
  return Promise.resolve({
    start(objectKey) {
      let verdict: SignatureVerdict | undefined;
      return {
        apply: (source, { chunkByChunk = false } = {}) =>
          decryptMessage(source, objectKey, { ...options, passphrases, chunkByChunk, onVerdict }),
        verdict() {
          if (verdict === undefined)
            throw new WalvaultError('internal', `${objectKey}: asked for its signature before it was read`);
          return verdict;
        },
      };
      function onVerdict(found: SignatureVerdict): void {
        verdict = found;
      }
    },
  });
}

interface MessageContext extends Omit<DecryptorOptions, 'passphrases'> {
  readonly passphrases: readonly Passphrase[];
  readonly chunkByChunk: boolean;
  readonly onVerdict: (verdict: SignatureVerdict) => void;
}

interface Passphrase {
  /** @throws WalvaultError `config` if the passphrase cannot be read */
  read(): Promise<DeriveKey>;
}
type DeriveKey = (parameters: StringToKey, sizeBytes: number) => Uint8Array;

async function* decryptMessage(
  source: ByteStream,
  what: string,
  context: MessageContext,
): AsyncGenerator<Uint8Array> {
  const reader = new ByteReader(source, what);
  try {
    const { header, keys } = await readSessionKeys(reader, what, context);
    const verdicts: SignatureVerdict[] = [];
    const plain = decryptBody(packetBody(reader, header, what), keys, what);
    yield* readMessage(context.chunkByChunk ? freed(plain) : plain, {
      what,
      mayBeCompressed: true,
      onSignature({ signature, hash }) {
        const expected = { objectKey: what, trusted: context.trustedSigners };
        verdicts.push(judgeSignature(signature, hash, expected));
      },
    });
    if (!(await reader.isAtEnd())) throw damaged(what, 'has data after its end');
    context.onVerdict(combineVerdicts(verdicts));
  } finally {
    await reader.close();
  }
}

/** Reads up to the header of the encrypted data and finds the session keys that may open it. */
async function readSessionKeys(
  reader: ByteReader,
  what: string,
  context: MessageContext,
): Promise<{ header: PacketHeader; keys: AsyncIterable<SessionKey> }> {
  const publicKeyPackets: Buffer[] = [];
  const passphrasePackets: Buffer[] = [];
  for (let packetCount = 1; ; packetCount++) {
    if (packetCount > mostPackets)
      throw damaged(what, `has more than ${mostPackets} packets before its content`);
    const header = await readPacketHeader(reader, what);
    if (header === undefined) throw reader.endsEarly();
    if (header.tag === tags.integrityProtected)
      return { header, keys: openSessionKeys(publicKeyPackets, passphrasePackets, what, context) };
    if (header.tag === tags.encryptedWithoutIntegrity)
      throw damaged(what, 'is encrypted without integrity protection');
    const packets =
      header.tag === tags.publicKeySessionKey
        ? publicKeyPackets
        : header.tag === tags.passphraseSessionKey
          ? passphrasePackets
          : undefined;
    if (packets === undefined && header.tag !== tags.marker)
      throw damaged(what, `has a packet of kind ${header.tag} where encrypted data should be`);
    const body = await smallPacketBody(reader, header, what);
    packets?.push(body);
    if (publicKeyPackets.length + passphrasePackets.length > mostSessionKeys)
      throw damaged(what, `is encrypted to more than ${mostSessionKeys} keys`);
    if (passphrasePackets.length > mostPassphrases)
      throw damaged(what, `is encrypted to more than ${mostPassphrases} passphrases`);
  }
}

const { limit: mostSessionKeys } = countBounds.sessionKeys;
const { limit: mostPassphrases } = countBounds.passphrases;
const { limit: mostPackets } = countBounds.packets;

async function* openSessionKeys(
  publicKeyPackets: readonly Buffer[],
  passphrasePackets: readonly Buffer[],
  what: string,
  { privateKeys, passphrases, knownKeys }: MessageContext,
): AsyncGenerator<SessionKey> {
  const tryPassphrases = passphrases.length > 0 && passphrasePackets.length > 0;
  if (publicKeyPackets.length > 0 && (privateKeys.length > 0 || !tryPassphrases)) {
    yield await decryptSessionKey(publicKeyPackets, privateKeys, { what, knownKeys });
    return;
  }
  if (passphrasePackets.length === 0) throw damaged(what, 'has no session key');
  if (passphrases.length === 0)
    throw new WalvaultError('key', `${what}: is encrypted to a passphrase and none is set`, {
      hint: 'Set the passphrase it was written with.',
    });
  for await (const derive of readInTurn(passphrases))
    for (const packet of passphrasePackets) {
      const key = openPassphrasePacket(packet, derive, what);
      if (key !== undefined) yield key;
    }
}

function createPassphrase(source: SecretSource): Passphrase {
  let derivation: DeriveKey | undefined;
  return { read: async () => (derivation ??= cachedDerivation(await source.read())) };
}

/** Derivation with the last results kept: it takes some 40 ms, and a process that writes uses the same salt again. */
function cachedDerivation(passphrase: Secret): DeriveKey {
  const derived = new Map<string, Uint8Array>();
  return (parameters, sizeBytes) => {
    const { hash, salt, countBytes } = parameters;
    const name = `${hash} ${Buffer.from(salt).toString('hex')} ${countBytes} ${sizeBytes}`;
    const key = derived.get(name) ?? deriveKey(passphrase.reveal(), parameters, sizeBytes);
    derived.delete(name);
    derived.set(name, key);
    for (const oldest of derived.keys()) {
      if (derived.size <= mostCachedKeys) break;
      derived.delete(oldest);
    }
    return key;
  };
}

const mostCachedKeys = 64;
