/** The rules of imports: the rooms of the source tree, and the rooms that each may import. */

/** A file of ours is named from `src/`, without extension: `stores/fs/store`. */
export interface ImportRule {
  readonly from: RegExp;
  /** What files of this room may import besides their own room. */
  readonly mayImport: readonly RegExp[];
}

const base = /^base\//;
const postgres = /^postgres\//;
const pipeline = /^pipeline\//;
const storeInterface = /^stores\/(?!open$)[^/]+$/;
const driverKit = /^stores\/driver-kit\//;
const storeDecorators = /^stores\/decorators\//;
const config = /^config\//;
const observe = /^observe\//;
const events = /^observe\/events\//;
const repository = /^repository\//;
const operations = /^operations\//;
const agentClient = /^agent\/client\//;
const pushAndFetch = /^operations\/(push|fetch)\//;
const workers = /^workers\//;
const jobTypes = /^workers\/jobs\//;
const compose = /^compose\//;
const entry = /^entry\//;

/** A verb that may import another verb's main file: the verb, and the file. */
const verbsOnVerbs: readonly (readonly [string, RegExp])[] = [
  // What is listed and deleted is judged by what a restore can reach, and deleted as cleanup does it.
  ['list', /^operations\/restore\/(reaches|restorable|survey)$/],
  [
    'delete',
    /^operations\/(restore\/(reaches|survey)|cleanup\/(claimed-by-restores|decisions|execute|gather|in-progress|state))$/,
  ],
  // What differs from a backup is found by the digests by which the next backup would find it.
  ['restore', /^operations\/backup\/parent\/parent-state$/],
  // What can be recovered is what a restore would reach.
  ['status', /^operations\/restore\/(branches|choose-backup|survey|wal-path)$/],
];

/** The first rule whose `from` matches a file is its rule; a file that none matches may import nothing of ours. */
export const importRules: readonly ImportRule[] = [
  { from: /^base\//, mayImport: [] },
  { from: /^postgres\//, mayImport: [base] },
  { from: /^pipeline\//, mayImport: [base] },
  { from: /^stores\/open$/, mayImport: [base, /^stores\//] },
  { from: /^stores\/[^/]+$/, mayImport: [base, storeInterface] },
  { from: /^stores\/driver-kit\//, mayImport: [base, storeInterface] },
  { from: /^stores\/decorators\//, mayImport: [base, storeInterface, driverKit] },
  { from: /^stores\/[^/]+\//, mayImport: [base, storeInterface, driverKit] },
  { from: /^config\//, mayImport: [base] },
  { from: /^observe\//, mayImport: [base] },
  { from: /^repository\//, mayImport: [base, storeInterface, pipeline, postgres, events] },
  ...verbsOnVerbs.map(([verb, file]) => ({
    from: new RegExp(`^operations/${verb}/`),
    mayImport: [
      ...[base, postgres, pipeline, config, repository, storeInterface, storeDecorators, events],
      ...[/^operations\/[^/]+$/, file],
    ],
  })),
  {
    from: /^operations\//,
    mayImport: [
      base,
      postgres,
      pipeline,
      config,
      repository,
      storeInterface,
      storeDecorators,
      events,
      /^operations\/[^/]+$/,
    ],
  },
  // A push that starts an agent looks whose server runs here, and one that waits whether it stops, before anything else
  // is loaded.
  { from: /^agent\/client\//, mayImport: [base, /^postgres\/cluster\/(postmaster-pid|stopping-server)$/] },
  {
    from: /^agent\//,
    mayImport: [base, agentClient, pushAndFetch, jobTypes, events, /^postgres\//],
  },
  { from: /^workers\//, mayImport: [base, config, repository, operations, compose, events] },
  {
    from: /^compose\//,
    mayImport: [base, config, /^stores\//, repository, pipeline, events],
  },
  {
    from: /^entry\//,
    mayImport: [base, config, observe, pushAndFetch, compose, workers, /^agent\//],
  },
  {
    from: /^cli\//,
    mayImport: [base, config, observe, operations, compose, entry, workers, agentClient, /^stores\/url$/],
  },
  {
    from: /^main$/,
    mayImport: [
      base,
      observe,
      agentClient,
      pushAndFetch,
      entry,
      /^cli\//,
      /^workers\/worker$/,
      /^postgres\/cluster\/signal-files$/,
    ],
  },
];

/** The room a file belongs to: files of one room import each other freely. A driver and a verb are rooms of their own. */
export function roomOf(file: string): string {
  const parts = file.split('/');
  const first = parts[0] ?? '';
  const isDivided = first === 'stores' || first === 'operations';
  if (isDivided) return parts.length > 2 ? `${first}/${parts[1]}` : `${first}/`;
  if (first === 'agent' && parts[1] === 'client') return 'agent/client';
  return first;
}

/** Packages that one place alone may import, so that each can be exchanged there and is loaded only with it. */
export const packageRules: readonly { readonly name: RegExp; readonly only: RegExp }[] = [
  { name: /^@aws-sdk\/|^@smithy\//, only: /^stores\/s3\// },
  { name: /^google-auth-library$/, only: /^stores\/gcs\// },
  { name: /^@azure\//, only: /^stores\/azure\// },
  { name: /^openpgp$/, only: /^pipeline\/openpgp\// },
  { name: /^pg$/, only: /^postgres\/server\// },
  { name: /^smol-toml$/, only: /^config\// },
  { name: /^commander$/, only: /^cli\// },
  { name: /^node:/, only: /^/ },
];
