/** The expected content of a golden archive: a later version must find what the writing version found. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Site } from '../../test/support/site/site.ts';
import type { Noted } from './noted.ts';

export interface Expected {
  /** `walvault list --json`, without places and times that differ from copy to copy. */
  readonly list: unknown;
  readonly restores: readonly ExpectedRestore[];
  /** All that the notes tell; absent in sets without notes of the newer kinds. */
  readonly noted?: Noted;
  /** SHA-256 of each file of the repository, by path. */
  readonly files: Readonly<Record<string, string>>;
}

export interface ExpectedRestore {
  readonly backup: string;
  /** More arguments of `walvault restore`. */
  readonly args: readonly string[];
  /** Of the table `committed`, once the recovery has reached its target. */
  readonly rows: readonly number[];
}

export async function expectedOf(site: Site, restores: readonly ExpectedRestore[]): Promise<Expected> {
  return {
    list: await listed(site),
    restores,
    files: digestsBelow(site.repositoryPath),
  };
}

/** Times of the store are those of the files, which a copy or a checkout makes anew. */
const perCopy = new Set(['url', 'committedAt', 'lastArchivedAt']);

export async function listed(site: Pick<Site, 'walvault'>): Promise<unknown> {
  const { stdout, stderr, exitCode } = await site.walvault(['list', '--json']);
  if (exitCode !== 0) throw new Error(stderr);
  return JSON.parse(stdout, (key, value: unknown) => (perCopy.has(key) ? undefined : value));
}

export function digestsBelow(directory: string): Record<string, string> {
  const names = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name).slice(directory.length + 1))
    .toSorted();
  return Object.fromEntries(
    names.map(name => [
      name,
      createHash('sha256')
        .update(readFileSync(join(directory, name)))
        .digest('hex'),
    ]),
  );
}
