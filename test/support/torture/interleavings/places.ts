/** The places into which the user puts links: directories and files of the repository, and of the host, that verbs use. */
import { existsSync, readdirSync, realpathSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { geometry } from './ground.ts';
import { pickBy } from './seeded.ts';
import type { World } from './world.ts';

interface Place {
  /** Absolute. What is there now, if anything, is put aside. */
  path(world: World, choice: number): string;
  readonly isDirectory: boolean;
}

const inLog = 'wal/00000001/00000000';

const directories = {
  'the directory of the cluster': directory(({ ground }) => dirname(ground.prefix)),
  'the directory of the system': directory(({ ground }) => ground.prefix),
  'wal/': inSystem('wal'),
  'the directory of the timeline': inSystem('wal/00000001'),
  'the directory of the segments': inSystem(inLog),
  'timelines/': inSystem('timelines'),
  'backups/': inSystem('backups'),
  'the directory of a backup': directory(
    (world, choice) => `${world.ground.prefix}backups/${anyBackup(world, choice)}`,
  ),
  'the parts of a backup': directory(
    (world, choice) => `${world.ground.prefix}backups/${anyBackup(world, choice)}/parts`,
  ),
  'catalog/': inSystem('catalog'),
  'catalog/backups/': inSystem('catalog/backups'),
  'catalog/notes/': inSystem('catalog/notes'),
  'the notes about the timeline': inSystem('catalog/notes/wal-00000001'),
  'the directory of probes': directory(() => 'walvault-probe'),
} satisfies Record<string, Place>;

const files = {
  'the marker': file(() => 'walvault.json'),
  "the cluster's record": file(({ ground }) => `${ground.prefix}cluster.json`),
  'a segment': file((world, choice) => pickBy(choice, segmentsIn(world))),
  'the next segment': file(
    ({ ground, segments }) => `${ground.prefix}${inLog}/${nextName(ground.firstNumber, segments)}`,
  ),
  'a record or note': file((world, choice) => pickBy(choice, keysIn(world, 'catalog'))),
  'an object': file((world, choice) => pickBy(choice, keysIn(world, ''))),
  'the metadata of an object': file((world, choice) => pickBy(choice, sidecarsIn(world))),
  'an unfinished write': file(({ ground }) => `${ground.prefix}${inLog}/.fedcba9876543210.walvault-tmp`),
  'an unfinished directory': directory(({ ground }) => `${ground.prefix}.fedcba9876543210.walvault-tmp`),
  'the log file': { path: ({ ground }) => join(ground.logDirectory, 'walvault.log'), isDirectory: false },
  'the destination of a fetch': {
    path: world => join(world.fetchedPath, [...world.segments.keys()].at(-1) ?? '00000002.history'),
    isDirectory: false,
  },
} satisfies Record<string, Place>;

export type PlaceName = keyof typeof directories | keyof typeof files;
export const directoryPlaceNames = Object.keys(directories) as (keyof typeof directories)[];
export const placeNames = [...directoryPlaceNames, ...(Object.keys(files) as (keyof typeof files)[])];

const places: Readonly<Record<PlaceName, Place>> = { ...directories, ...files };

export interface Spot {
  readonly path: string;
  readonly what: Planting;
}

/** A link to what is root's, or what belongs into no repository in such a place. */
export type Planting = { readonly linkTo: string } | 'pipe' | 'directory' | 'file';

/** Undefined where the directory for it is not there, or lies behind a link already. */
export function spotOf(world: World, name: PlaceName, choice: number): Spot | undefined {
  const { repositoryPath, outsidePath } = world.ground;
  const { path: find, isDirectory } = places[name];
  const path = find(world, choice);
  if (!existsSync(dirname(path)) || realpathSync(dirname(path)) !== dirname(path)) return undefined;
  const same = join(outsidePath, 'archive', relative(repositoryPath, path));
  const other = join(outsidePath, isDirectory ? 'empty' : 'secret');
  const isLikeIt = existsSync(same) && statSync(same).isDirectory() === isDirectory;
  if (choice < 0.8) return { path, what: { linkTo: isLikeIt && choice < 0.6 ? same : other } };
  return { path, what: choice < 0.87 ? 'pipe' : isDirectory ? 'file' : 'directory' };
}

/** Keys of objects below a part of the system, in ascending order; links are left out. Never none. */
export function keysIn(world: World, part: string): readonly string[] {
  const keys = namesIn(world, part).filter(key => !/\.meta$|\.walvault-tmp$/.test(key));
  return keys.length > 0 ? keys : ['walvault.json'];
}

/** Keys of archived segments; backup histories and partials are left out. Never none. */
export function segmentsIn(world: World): readonly string[] {
  const { prefix, firstNumber } = world.ground;
  const keys = namesIn(world, 'wal').filter(key => /\/[0-9A-F]{24}$/.test(key));
  return keys.length > 0 ? keys : [`${prefix}${inLog}/${geometry.nameOf(1, firstNumber - 1n)}`];
}

function sidecarsIn(world: World): readonly string[] {
  const keys = namesIn(world, '').filter(key => key.endsWith('.meta'));
  return keys.length > 0 ? keys : ['walvault.json.0123456789abcdef.meta'];
}

/** False for a link that leads nowhere, and for what was planted in a directory's place. */
function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

function namesIn({ ground }: World, part: string): string[] {
  const path = join(ground.repositoryPath, ground.prefix, part);
  if (!isDirectory(path)) return [];
  return readdirSync(path, { withFileTypes: true, recursive: true })
    .filter(entry => entry.isFile())
    .map(entry => relative(ground.repositoryPath, join(entry.parentPath, entry.name)))
    .toSorted();
}

function anyBackup({ ground }: World, choice: number): string {
  const path = join(ground.repositoryPath, ground.prefix, 'backups');
  const ids = isDirectory(path) ? readdirSync(path).toSorted() : [];
  return ids.length > 0 ? pickBy(choice, ids) : 'none';
}

function nextName(firstNumber: bigint, segments: ReadonlyMap<string, unknown>): string {
  return geometry.nameOf(1, firstNumber + BigInt(segments.size));
}

function inSystem(part: string): Place {
  return directory(({ ground }) => ground.prefix + part);
}

function directory(keyOf: (world: World, choice: number) => string): Place {
  return {
    path: (world, choice) => resolve(world.ground.repositoryPath, keyOf(world, choice)),
    isDirectory: true,
  };
}

function file(keyOf: (world: World, choice: number) => string): Place {
  return { ...directory(keyOf), isDirectory: false };
}
