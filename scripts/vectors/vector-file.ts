/** The file of a vector, as `test/vectors/README.md` describes it. */
import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

export const vectorsDirectory = resolve(import.meta.dirname, '../../test/vectors');

/** The tree of the system that all vectors belong to. */
export const tree = 'orders/7300000000000000001';

export const backupId = '20261122T020000Z-full-3f2a91';

/** A header of `name: value` lines, an empty line, then the body and perhaps its detached signature. */
export type Header = Readonly<Record<string, string | number | undefined>>;

export function writeVector(
  name: string,
  header: Header,
  body: Uint8Array | string,
  signature?: Uint8Array,
): void {
  const lines = Object.entries(header).flatMap(([field, value]) =>
    value === undefined ? [] : [`${field}: ${value}`],
  );
  const wrapped = (data: Uint8Array) =>
    Buffer.from(data)
      .toString('base64')
      .replaceAll(/.{1,76}/g, '$&\n');
  const sections = [
    `${lines.join('\n')}\n`,
    typeof body === 'string' ? `--- text\n${body}` : `--- base64\n${wrapped(body)}`,
    ...(signature === undefined ? [] : [`--- signature, base64\n${wrapped(signature)}`]),
  ];
  writeFileSync(join(vectorsDirectory, `${name}.txt`), sections.join('\n'));
}
