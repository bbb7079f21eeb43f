/** The choice of the settings that a restored copy gets in place of its origin's (P12). Pure. */
import {
  largest,
  replayMinimumNames,
  type ReplayMinimumName,
  type ReplayMinimums,
} from '../../../postgres/wal/replay-minimums.ts';
import { actingSettings, jobLibraries, type ActingSetting, type KeptBy } from './acting-settings.ts';

export interface Override {
  readonly name: string;
  /** Null before the backup is unpacked, where only it or its WAL tells the value. */
  readonly value: string | null;
  /**
   * True if the origin's configuration sets it; null if that is not known. The value itself, which may hold a password,
   * stays in the files.
   */
  readonly isSetByOrigin: boolean | null;
  /** Completes "it …". */
  readonly why: string;
}

/** Every setting that a copy may get. */
export const overridableNames: readonly string[] = [
  ...actingSettings.map(({ name }) => name),
  'hot_standby',
  'shared_preload_libraries',
  ...replayMinimumNames,
];

/** What the person who restores has chosen. */
export interface CopyChoices {
  readonly mode: 'point-in-time' | 'standby';
  readonly targetAction: 'pause' | 'promote' | 'shutdown';
  readonly archiveMode: 'off' | 'preserve';
  readonly keepsSubscriptions: boolean;
  readonly primaryConninfo: string | undefined;
  /** Names of settings that stay as the origin had them. */
  readonly keptSettings: readonly string[];
}

export interface ConfiguredSettings {
  readonly values: ReadonlyMap<string, string>;
  /** True if a server that starts on the directory reads just these; false for copies of files that lay elsewhere. */
  readonly isInForce: boolean;
}

export interface CopyFacts {
  readonly postgresMajor: number;
  /** Undefined before the backup is unpacked. */
  readonly configured: ConfiguredSettings | undefined;
  readonly minimums: ReplayMinimums | undefined;
}

export function overridesFor(choices: CopyChoices, facts: CopyFacts): Override[] {
  const { configured, postgresMajor } = facts;
  const chosen = actingSettings
    .filter(({ since = 0, until = Infinity }) => postgresMajor >= since && postgresMajor <= until)
    .filter(setting => !isKept(setting.keptBy, choices) && acts(setting, configured))
    .map(({ name, copy, why }) => ({ name, value: copy, why }));
  return [...chosen, ...hotStandby(choices), ...libraries(choices, facts), ...minimums(choices, facts)]
    .filter(({ name }) => !choices.keptSettings.includes(name))
    .map(override => ({ ...override, isSetByOrigin: configured?.values.has(override.name) ?? null }));
}

/** True if the copy can be read while it replays, which makes replay check five settings. */
export function isReadDuringReplay({
  mode,
  targetAction,
  keptSettings,
}: Pick<CopyChoices, 'mode' | 'targetAction' | 'keptSettings'>): boolean {
  return mode === 'standby' || targetAction === 'pause' || keptSettings.includes('hot_standby');
}

function isKept(keptBy: KeptBy | undefined, choices: CopyChoices): boolean {
  switch (keptBy) {
    case 'archive-mode':
      return choices.archiveMode === 'preserve';
    case 'keep-subscriptions':
      return choices.keepsSubscriptions;
    case 'primary-conninfo':
      return choices.primaryConninfo !== undefined;
    default:
      return false;
  }
}

/** True too where the origin's value is not known, unless only one value acts. */
function acts(
  { name, ifAbsolute = false, ifValue }: ActingSetting,
  configured: ConfiguredSettings | undefined,
): boolean {
  const value = configured?.values.get(name);
  if (ifValue !== undefined) return value !== undefined && ifValue.test(value);
  if (!ifAbsolute) return true;
  return value === undefined ? configured?.isInForce !== true : value.startsWith('/');
}

type Chosen = Omit<Override, 'isSetByOrigin'>;

/**
 * Without hot standby replay does not check the five settings, so a server that had them raised after the backup is
 * recovered without reading all its WAL beforehand. A pause without hot standby would be a shutdown.
 */
function hotStandby({ mode, targetAction }: CopyChoices): Chosen[] {
  if (mode === 'standby') return [];
  return targetAction === 'pause'
    ? [{ name: 'hot_standby', value: 'on', why: 'makes a pause at the target into a shutdown when off' }]
    : [
        {
          name: 'hot_standby',
          value: 'off',
          why: 'makes replay stop where the origin raised max_connections or its kin, and nobody reads this copy before its target',
        },
      ];
}

/** `shared_preload_libraries` without those that only run jobs. */
function libraries(choices: CopyChoices, { configured }: CopyFacts): Chosen[] {
  const name = 'shared_preload_libraries';
  const loaded = librariesIn(configured?.values.get(name) ?? '');
  const dropped = jobLibraries.filter(
    library => !isKept(library.keptBy, choices) && loaded.some(path => libraryName(path) === library.name),
  );
  if (dropped.length === 0) return [];
  const kept = loaded.filter(path => !dropped.some(library => libraryName(path) === library.name));
  return [
    { name, value: kept.join(', '), why: `loads what ${dropped.map(({ why }) => why).join(', and ')}` },
  ];
}

export function librariesIn(value: string): string[] {
  return value
    .split(',')
    .map(path => path.trim().replaceAll('"', ''))
    .filter(path => path !== '');
}

/** `pg_cron` for `$libdir/pg_cron.so`. */
export function libraryName(path: string): string {
  return (path.split('/').at(-1) ?? '').replace(/\.so$/, '');
}

/** PostgreSQL's own defaults, for a configuration that does not set them. */
const defaults: ReplayMinimums = {
  max_connections: 100,
  max_worker_processes: 8,
  max_wal_senders: 10,
  max_prepared_transactions: 0,
  max_locks_per_transaction: 64,
};

/**
 * Replaying PREPARE TRANSACTION takes a slot also without hot standby (PrepareRedoAdd in twophase.c). Where the WAL was
 * not read beforehand there are slots enough for a server that began to use them after the backup; 256 take 8 MB.
 */
const preparedWithoutReading = 256;

function minimums(choices: CopyChoices, { configured, minimums: known }: CopyFacts): Chosen[] {
  const why = 'ends or pauses replay if it is lower than at the origin at any time before the target';
  if (known === undefined) return replayMinimumNames.map(name => ({ name, value: null, why }));
  const needed = isReadDuringReplay(choices)
    ? known
    : largest(known, {
        ...known,
        max_prepared_transactions: preparedWithoutReading,
      });
  return replayMinimumNames
    .filter(name => !isEnough(name, needed[name], configured))
    .map(name => ({ name, value: String(needed[name]), why }));
}

function isEnough(
  name: ReplayMinimumName,
  needed: number,
  configured: ConfiguredSettings | undefined,
): boolean {
  if (configured?.isInForce !== true) return false;
  const value = configured.values.get(name);
  return (value === undefined ? defaults[name] : Number(value)) >= needed;
}
