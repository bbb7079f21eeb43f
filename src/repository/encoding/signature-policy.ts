/** The policy that decides which signatures a reader accepts. Pure. */
import type { SignatureVerdict } from '../../pipeline/openpgp/index.ts';

/**
 * `require` accepts only objects signed by a trusted signer. `warn` also accepts unsigned objects and unknown
 * signers, but never a bad signature. `off` accepts everything.
 */
export type SignaturePolicy = 'require' | 'warn' | 'off';

export function isBelieved({ status }: SignatureVerdict, policy: SignaturePolicy): boolean {
  return status === 'good' || policy === 'off' || (policy === 'warn' && status !== 'bad');
}

/** True if the policy cannot believe an object without a signature: then it need not even be read. */
export function needsSignature(policy: SignaturePolicy): boolean {
  return !isBelieved({ status: 'unsigned' }, policy);
}

/** The verdict in words that follow the name of an object: `is not signed`. */
export function describeVerdict(verdict: SignatureVerdict): string {
  switch (verdict.status) {
    case 'good':
      return `signed by ${verdict.fingerprint}`;
    case 'unsigned':
      return 'is not signed';
    case 'untrusted':
      return `is signed by ${verdict.keyId}, which is not among the trusted signers`;
    case 'bad':
      return `has a bad signature: ${verdict.reason}`;
  }
}
