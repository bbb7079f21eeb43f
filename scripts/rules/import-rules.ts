/** Who may import whom: the rooms of the source tree, in one table. */

/** A file of ours is named from `src/`, without extension: `stores/fs/fs-store`. */
export interface ImportRule {
  readonly from: RegExp;
  /** What files of this room may import besides their own room. */
  readonly mayImport: readonly RegExp[];
}

const base = /^base\//;
const storeInterface = /^stores\/(?!open$)[^/]+$/;
const storeDecorators = /^stores\/decorators\//;
const postgres = /^postgres\//;
const pipeline = /^pipeline\//;
const config = /^config\//;
const repository = /^repository\//;

/** The first rule whose `from` matches a file is its rule; a file that none matches may import nothing of ours. */
export const importRules: readonly ImportRule[] = [
  { from: /^base\//, mayImport: [] },
  { from: /^postgres\//, mayImport: [base] },
  { from: /^pipeline\//, mayImport: [base] },
  { from: /^stores\/open$/, mayImport: [base, /^stores\//] },
  { from: /^stores\/[^/]+$/, mayImport: [base, storeInterface] },
  { from: /^stores\/[^/]+\//, mayImport: [base, storeInterface] },
  { from: /^config\//, mayImport: [base] },
  { from: /^observe\//, mayImport: [base] },
  { from: /^repository\//, mayImport: [base, storeInterface, pipeline, postgres] },
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
      /^operations\/[^/]+$/,
    ],
  },
  { from: /^agent\/client\//, mayImport: [base] },
  {
    from: /^agent\//,
    mayImport: [base, /^agent\/client\//, /^operations\/(push|fetch)\//, /^postgres\/wal\/file-name$/],
  },
  {
    from: /^cli\/compose/,
    mayImport: [base, postgres, pipeline, config, repository, /^stores\//, /^operations\//, /^observe\//],
  },
  { from: /^cli\//, mayImport: [base, config, /^operations\//, /^observe\//, /^agent\//] },
  {
    from: /^main$/,
    mayImport: [
      base,
      /^agent\/client\//,
      /^operations\/(push|fetch)\//,
      /^cli\//,
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
  { name: /^pg$/, only: /^postgres\// },
  { name: /^smol-toml$/, only: /^config\// },
  { name: /^commander$/, only: /^cli\// },
  { name: /^node:/, only: /^/ },
];
