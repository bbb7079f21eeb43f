/** The licences of all that is in the executable, word for word: most of them want to be passed on with it. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BundledPackage } from './bundled-packages.ts';

export interface LicensedPart {
  /** Name and version. */
  readonly title: string;
  readonly licence: string;
  /** Where its texts are. */
  readonly directory: string;
}

export async function licenceTexts(root: string, parts: readonly LicensedPart[]): Promise<string> {
  const sections = await Promise.all(
    parts.map(async ({ title, licence, directory }) => {
      const texts = await textsIn(join(root, directory));
      const said = texts.length === 0 ? ['Its package has no text of the licence.'] : texts;
      return `${'='.repeat(80)}\n${title}\n${licence}\n\n${said.join('\n\n')}\n`;
    }),
  );
  return `What is in the executable walvault, and on what terms.\n\n${sections.join('\n')}`;
}

export function licensedPart({ name, version, licence, directory }: BundledPackage): LicensedPart {
  return { title: `${name} ${version}`, licence, directory };
}

async function textsIn(directory: string): Promise<string[]> {
  const names = (await readdir(directory)).filter(name => /^(licen[cs]e|notice|copying)/i.test(name));
  return Promise.all(
    names.toSorted().map(async name => (await readFile(join(directory, name), 'utf8')).trimEnd()),
  );
}
