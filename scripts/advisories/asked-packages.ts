/** What the registry is asked about: the npm packages in a bill of materials. */
import type { BillDocument } from '../build/bill/describe-bill.ts';

export interface AskedPackage {
  readonly name: string;
  readonly version: string;
}

/** Each once, by its package URL (`pkg:npm/%40scope/name@version`). */
export function askedPackages(bill: BillDocument): AskedPackage[] {
  const urls = new Set(bill.components.map(component => String(component['purl'])));
  return [...urls].map(url => {
    const [, name, version] = /^pkg:npm\/(.+)@([^@]+)$/.exec(decodeURIComponent(url)) ?? [];
    if (name === undefined || version === undefined) throw new Error(`${url} names no npm package`);
    return { name, version };
  });
}
