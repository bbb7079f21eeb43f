/** Signatures beside plain objects (commit records, notes), for `gpg --verify object.sig object`. */
import { createHash, type Hash } from 'node:crypto';
import { streamOf } from '../../../base/bytes/streams.ts';
import { WalvaultError } from '../../../base/errors/errors.ts';
import { ByteReader } from '../../byte-reader.ts';
import type { PublicKey } from '../keys/keys.ts';
import { smallPacketBody } from '../message/packet-body.ts';
import { readPacketHeader, tags } from '../message/packet-header.ts';
import { parseSignatureBody } from './signature-packet.ts';
import type { Signer } from './signer.ts';
import { combineVerdicts, judgeSignature, type SignatureVerdict } from './verdict.ts';

/** A binary signature packet over `data` that also names the signed object. */
export function signDetached(signer: Signer, data: Uint8Array, objectKey: string): Promise<Uint8Array> {
  const timeSeconds = Math.floor(Date.now() / 1000);
  const hash = createHash('sha256').update(data);
  return Promise.resolve(signer.signaturePacket(hash, { objectKey, timeSeconds }));
}

/** Never throws for the content of `signature`: other bytes than a signature are `bad`, no bytes are `unsigned`. */
export async function verifyDetached(
  data: Uint8Array,
  signature: Uint8Array,
  objectKey: string,
  trusted: readonly PublicKey[],
): Promise<SignatureVerdict> {
  const verdicts: SignatureVerdict[] = [];
  const reader = new ByteReader(streamOf(signature), objectKey);
  try {
    for (;;) {
      const header = await readPacketHeader(reader, objectKey);
      if (header === undefined) return combineVerdicts(verdicts);
      if (header.tag !== tags.signature || verdicts.length === mostSignatures) return notASignature;
      const parsed = parseSignatureBody(await smallPacketBody(reader, header, objectKey));
      verdicts.push(judgeSignature(parsed, hashOf(data, parsed?.hash), { objectKey, trusted }));
    }
  } catch (error) {
    if (error instanceof WalvaultError && error.code === 'damaged') return notASignature;
    throw error;
  }
}

const mostSignatures = 8;
const notASignature: SignatureVerdict = { status: 'bad', reason: 'the signature is malformed' };

function hashOf(data: Uint8Array, name: string | undefined): Hash | undefined {
  return name === undefined ? undefined : createHash(name).update(data);
}
