/** Whom a reader believes. Pure. */
import type { SignatureVerdict } from '../../pipeline/openpgp/index.ts';

/**
 * `require`: only what a trusted signer signed. `warn`: also what is unsigned or signed by somebody unknown, never what
 * has a bad signature. `off`: everything.
 */
export type SignaturePolicy = 'require' | 'warn' | 'off';

export function isBelieved({ status }: SignatureVerdict, policy: SignaturePolicy): boolean {
  return status === 'good' || policy === 'off' || (policy === 'warn' && status !== 'bad');
}

/** What follows the name of an object: `is not signed`. */
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
