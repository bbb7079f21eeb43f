/** The verdict on a signature: good, untrusted or bad. */
import type { Hash } from 'node:crypto';
import type { PublicKey } from '../keys/keys.ts';
import { binarySignature, signatureTrailer, type ParsedSignature } from './signature-packet.ts';

/**
 * `good`: by a trusted signer (primary fingerprint), over exactly this data, for exactly this object key.
 * `untrusted`: by another signer; it is not known whether the signature is right. `bad`: the signature is wrong.
 */
export type SignatureVerdict =
  | { readonly status: 'good'; readonly fingerprint: string }
  | { readonly status: 'unsigned' }
  | { readonly status: 'untrusted'; readonly keyId: string }
  | { readonly status: 'bad'; readonly reason: string };

/** The verdict on one signature. `hash` has seen the signed data. */
export function judgeSignature(
  signature: ParsedSignature | undefined,
  hash: Hash | undefined,
  expected: { objectKey: string; trusted: readonly PublicKey[] },
): SignatureVerdict {
  if (signature === undefined) return { status: 'bad', reason: 'the signature is malformed' };
  const found = findSigner(signature, expected.trusted);
  if (found === undefined) return { status: 'untrusted', keyId: signature.issuerKeyId };
  if (signature.type !== binarySignature) return { status: 'bad', reason: 'the signature is not over data' };
  if (signature.hash === undefined || hash === undefined)
    return { status: 'bad', reason: 'the signature uses a weak or unknown hash' };
  const digest = hash.update(signatureTrailer(signature.hashedPart)).digest();
  const isGenuine =
    digest.subarray(0, 2).equals(signature.digestStart) &&
    found.verifyingKey.algorithm === signature.algorithm &&
    found.verifyingKey.verify(digest, signature.hash, signature.numbers);
  if (!isGenuine) return { status: 'bad', reason: 'the signature does not match the data' };
  const [objectKey] = signature.objectKeys;
  if (objectKey === undefined || signature.objectKeys.length > 1)
    return { status: 'bad', reason: 'the signature names no object' };
  if (objectKey !== expected.objectKey)
    return { status: 'bad', reason: `the signature is for another object, ${JSON.stringify(objectKey)}` };
  return { status: 'good', fingerprint: found.primary.fingerprint };
}

/** The verdict on several signatures: `bad` if one of them is bad, otherwise `good` if one of them is good. */
export function combineVerdicts(verdicts: readonly SignatureVerdict[]): SignatureVerdict {
  const byStatus = (status: SignatureVerdict['status']) =>
    verdicts.find(verdict => verdict.status === status);
  return byStatus('bad') ?? byStatus('good') ?? byStatus('untrusted') ?? { status: 'unsigned' };
}

function findSigner(signature: ParsedSignature, trusted: readonly PublicKey[]) {
  for (const primary of trusted) {
    for (const verifyingKey of primary.verifyingKeys) {
      const { fingerprint } = verifyingKey;
      const isIssuer =
        signature.issuerFingerprint === undefined
          ? fingerprint.slice(-16) === signature.issuerKeyId
          : fingerprint === signature.issuerFingerprint;
      if (isIssuer) return { primary, verifyingKey };
    }
  }
  return undefined;
}
