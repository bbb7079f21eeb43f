/**
 * Sidecars, the metadata of objects in a directory: `<file>.<16 hex digits of its SHA-256>.meta` beside the file, JSON.
 * A sidecar is durable before its file appears. Because the file's digest is in the name, racing writers of different
 * content never share a sidecar, and after a crash the content of the file tells which sidecar belongs to it.
 */
import { objectBounds } from '../../base/bounds.ts';
import { readOpened } from '../../base/files/read.ts';
import { link, open, readdir, removeIfThere, rename } from '../../base/files/calls.ts';
import { systemCode } from '../../base/errors/errors.ts';
import { parseJson } from '../../base/json.ts';
import { sidecarName } from '../driver-kit/key.ts';
import { StoreError } from '../store.ts';
import { openEntry } from './entry.ts';
import type { HeldDirectory } from './held-directory.ts';
import { giveFileRights, type Rights } from './rights.ts';
import { temporaryName } from './temporary.ts';

export interface Sidecar {
  readonly name: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export function sidecarNameOf(file: string, sha256: string): string {
  return `${file}.${sha256.slice(0, 16)}.meta`;
}

export interface NewSidecar {
  readonly content: Omit<Sidecar, 'name'>;
  readonly rights: Rights;
}

/**
 * Writes and fsyncs the sidecar of a file in the directory; its directory entry becomes durable when the caller fsyncs the directory.
 * Returns whether this call made it. With `create` an existing sidecar stays: it belongs to the same content.
 */
export async function writeSidecar(
  directory: HeldDirectory,
  file: string,
  { content, rights }: NewSidecar,
  as: 'create' | 'replace',
): Promise<boolean> {
  const path = directory.path(sidecarNameOf(file, content.sha256));
  const temporary = directory.path(temporaryName());
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      const { sizeBytes, sha256, metadata } = content;
      await giveFileRights(handle, rights);
      await handle.writeFile(JSON.stringify({ sizeBytes, sha256, metadata }));
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (as === 'replace') {
      await rename(temporary, path);
      return true;
    }
    await link(temporary, path);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await removeIfThere(temporary);
  }
}

/** The names of all sidecars of a file, for any content. */
export async function sidecarNames(directory: HeldDirectory, file: string): Promise<string[]> {
  return (await readdir(directory.path())).filter(entry => isSidecarOf(file, entry));
}

export function isSidecarOf(name: string, entry: string): boolean {
  return entry.length === name.length + 22 && entry.startsWith(name) && sidecarName.test(entry);
}

/** Every readable sidecar of these names; a damaged or foreign one is skipped. */
export async function readSidecars(directory: HeldDirectory, names: readonly string[]): Promise<Sidecar[]> {
  const sidecars: Sidecar[] = [];
  for (const name of names) {
    const sidecar = parseSidecar(name, await readIfThere(directory, name));
    if (sidecar !== undefined) sidecars.push(sidecar);
  }
  return sidecars;
}

/** Empty, as a damaged one, for what is no plain file: whatever was planted beside an object stops nobody. */
async function readIfThere(directory: HeldDirectory, name: string): Promise<string> {
  try {
    const opened = await openEntry(directory, name);
    if (opened === undefined) return '';
    await using handle = opened.handle;
    return (await readOpened(handle, objectBounds.sidecar.limitBytes)).toString('utf8');
  } catch (error) {
    if (['ENOENT', 'EFBIG'].includes(systemCode(error) ?? '') || error instanceof StoreError) return '';
    throw error;
  }
}

export function parseSidecar(name: string, text: string): Sidecar | undefined {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { sizeBytes, sha256, metadata } = value as Record<string, unknown>;
  if (typeof sizeBytes !== 'number' || typeof sha256 !== 'string') return undefined;
  if (!name.endsWith(`.${sha256.slice(0, 16)}.meta`)) return undefined;
  if (typeof metadata !== 'object' || metadata === null) return undefined;
  const entries = Object.entries(metadata).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  return { name, sizeBytes, sha256, metadata: Object.freeze(Object.fromEntries(entries)) };
}
