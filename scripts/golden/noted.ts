/** All that the notes of a golden archive tell, as plain JSON: a later version must still be told it. */
import { openRepositories } from '../../src/compose/open-repositories.ts';
import { loadConfig } from '../../src/config/index.ts';
import { listSystemIds } from '../../src/repository/format/cluster-record.ts';
import { notesPrefix } from '../../src/repository/format/layout.ts';
import { noteEntriesIn } from '../../src/repository/format/notes/note.ts';
import type { Repository } from '../../src/repository/repository.ts';
import { surveySystem } from '../../src/repository/survey.ts';
import { silentLog } from '../../test/support/logs.ts';

export interface Noted {
  /** When it was told: claims of restores have an end. */
  readonly now: string;
  /** The number of notes of each kind; all are signed. */
  readonly kinds: Readonly<Record<string, number>>;
  readonly facts: unknown;
}

const { signal } = new AbortController();

/** @param now of an earlier time it is told what was told then */
export async function notedIn(configPath: string, now = new Date()): Promise<Noted> {
  return await withRepository(configPath, async (repository, system) => {
    const survey = surveySystem(repository, system, signal);
    const geometry = await survey.geometry();
    if (geometry === undefined) throw new Error('the repository does not tell its segment size');
    const prefix = notesPrefix(system);
    const entries = await noteEntriesIn(repository.store.list({ prefix, signal }));
    const unsigned = entries.find(({ hasSignature }) => !hasSignature);
    if (unsigned !== undefined) throw new Error(`${unsigned.key} is not signed`);
    const byKind = Map.groupBy(entries, ({ kind }) => kind);
    const facts = {
      lostWal: await survey.lostWal(geometry),
      removedWal: await survey.removedWal(geometry),
      highWater: await survey.highWater(geometry),
      acknowledgedGaps: await survey.acknowledgedGaps(geometry),
      pins: await survey.pins(now),
      restorePoints: await survey.restorePoints(),
      expiring: await survey.expiring(),
      anomalies: await survey.anomalies(),
      verifications: await survey.lastVerifications(),
      verifiedWal: await survey.verifiedWal(geometry),
      verifiedParts: await survey.verifiedParts(),
      restores: await survey.restoresInProgress(now),
    };
    if (survey.passedOver.count > 0) throw new Error('notes were passed over');
    return {
      now: now.toISOString(),
      kinds: Object.fromEntries([...byKind].map(([kind, some]) => [kind, some.length])),
      facts: plain(facts),
    };
  });
}

/** Runs `use` on the only repository and the only system of a configuration. */
export async function withRepository<T>(
  configPath: string,
  use: (
    repository: Repository,
    system: { readonly cluster: string; readonly systemId: bigint },
  ) => Promise<T>,
): Promise<T> {
  const { config } = await loadConfig({ path: configPath, env: {} });
  await using opened = await openRepositories(config, silentLog);
  const [repository] = opened.repositories;
  if (repository === undefined) throw new Error('no repository is configured');
  const [systemId] = await listSystemIds(repository.store, config.cluster, signal);
  if (systemId === undefined) throw new Error('the repository holds no system');
  return await use(repository, { cluster: config.cluster, systemId });
}

/** The store's times are those of the files, which a copy or a checkout makes anew. */
const perCopy = new Set(['notedAt', 'heldUntil']);

function plain(facts: unknown): unknown {
  const text = JSON.stringify(facts, (key, value: unknown) => {
    if (perCopy.has(key)) return undefined;
    if (typeof value === 'bigint') return String(value);
    return value instanceof Map || value instanceof Set ? [...(value as Iterable<unknown>)] : value;
  });
  return JSON.parse(text) as unknown;
}
