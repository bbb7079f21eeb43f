/**
 * The version and the commit of this walvault. The build puts the two constants in; a run from a checkout reads
 * package.json and knows no commit.
 */
import { readFileSync } from 'node:fs';
import { parseJson } from './json.ts';

declare const WALVAULT_VERSION: string | undefined;
declare const WALVAULT_COMMIT: string | undefined;

/** The version of the repository format that this walvault writes (docs/repository-format.md). */
export const repositoryFormat = 1;

const version = typeof WALVAULT_VERSION === 'string' ? WALVAULT_VERSION : versionOfCheckout();

export function walvaultVersion(): string {
  return version;
}

function versionOfCheckout(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (parseJson(text) as { version: string }).version;
}

/** The abbreviated commit that the executable was built from, with a `+` if its sources had uncommitted changes. */
export function walvaultCommit(): string | undefined {
  return typeof WALVAULT_COMMIT === 'string' && WALVAULT_COMMIT !== '' ? WALVAULT_COMMIT : undefined;
}

/** One line: `walvault 0.1.0 (commit 1a2b3c4, node 24.21.0, repository format 1)`. */
export function versionLine(): string {
  const commit = walvaultCommit();
  const facts = [
    ...(commit === undefined ? [] : [`commit ${commit}`]),
    `node ${process.versions.node}`,
    `repository format ${repositoryFormat}`,
  ];
  return `walvault ${walvaultVersion()} (${facts.join(', ')})`;
}
