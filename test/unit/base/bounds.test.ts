/** docs/security-bounds.md is what `base/bounds.ts` says, and each limit has a test. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'vitest';
import {
  answerBounds,
  countBounds,
  fileBounds,
  objectBounds,
  pieceBounds,
  totalBounds,
} from '../../../src/base/bounds.ts';
import { formatSize } from '../../../src/base/units.ts';

/** A file below `test`, and a part of a test's name in it. */
type Proof = readonly [file: string, name: string];
type Proofs<Bounds> = Readonly<Record<keyof Bounds, Proof>>;

const limits = 'unit/repository/hostile/limits.test.ts';
const bombs = 'unit/repository/hostile/bombs.test.ts';
const many = 'unit/repository/hostile/many.test.ts';
const read = ['unit/base/files/read.test.ts', 'ends at the first byte beyond the limit'] as const;

const ofObjects: Proofs<typeof objectBounds> = {
  marker: [limits, 'is no marker'],
  clusterRecord: [limits, 'is no cluster record'],
  claim: [limits, 'is no claim that tells a parent'],
  record: [many, 'are not even asked for beyond the largest record there can be'],
  pageDigests: ['unit/repository/format/page-digests.test.ts', 'that are too large are none'],
  partIndex: ['unit/repository/format/part-index.test.ts', 'that is too large is none'],
  note: [limits, 'is no note'],
  sidecar: ['unit/stores/fs/store.test.ts', 'those that are too large are none'],
  signature: [limits, 'is no signature'],
  history: [limits, 'is no history, and no backup history file'],
  part: [bombs, 'gives none of the rest'],
  backupLabel: [limits, 'is no history, and no backup history file'],
};

const endless = 'unit/stores/endless-answers.test.ts';
const ofAnswers: Proofs<typeof answerBounds> = {
  answer: [endless, 'a listing'],
  refusal: [endless, 'an error'],
};

const ofPieces: Proofs<typeof pieceBounds> = {
  line: ['unit/base/bytes/lines.test.ts', 'has one that is too long'],
  tarExtension: ['unit/pipeline/tar/tar.test.ts', 'an extended header is bounded'],
  zstdWindow: ['unit/pipeline/zstd/streaming.test.ts', 'announces 256 MiB is refused'],
  packet: [bombs, 'a packet that is too large to be small'],
  incrementalHeader: [
    'unit/postgres/cluster/incremental/header.test.ts',
    'a header that is too long is neither read nor made',
  ],
  remark: ['unit/repository/format/notes/pin.test.ts', 'is cut where it is longer than a remark may be'],
};

const ofCounts: Proofs<typeof countBounds> = {
  frames: [bombs, 'is damaged: '],
  sessionKeys: [bombs, 'is damaged: '],
  passphrases: [bombs, 'is damaged: '],
  packets: [bombs, 'is damaged: '],
  signatures: [bombs, 'more signatures than there can be'],
  jsonValues: ['unit/base/json.test.ts', 'is refused before it is parsed'],
  filesOutOfOrder: ['unit/operations/restore/unpack.test.ts', 'a part with too many files out of order'],
  databases: ['unit/repository/format/name-map.test.ts', 'one with too many databases is damaged'],
  unopenedIndexes: [
    'unit/operations/backup/resume/find-interrupted.test.ts',
    'no more planted indexes are read than a bound',
  ],
  unprovenRequired: [many, 'are read up to a bound, and hide no genuine one'],
  unproven: [many, 'are read up to a bound and after smaller ones'],
};

const ofTotals: Proofs<typeof totalBounds> = {
  unprovenRequired: [many, 'are not parsed where their signature is worth nothing'],
  unproven: [many, 'are read up to a bound and after smaller ones'],
  changedBlocks: [
    'unit/postgres/wal/summaries/changed-blocks.test.ts',
    'more changes than memory should hold are refused',
  ],
};

/** What is bounded by what is known of it, and not by a number of ours. */
const told: readonly (readonly [what: string, limit: string, proof: Proof])[] = [
  [
    'a WAL segment or `.partial`, fetched',
    "the cluster's segment size",
    ['e2e/hostile-bounds.test.ts', 'unpacks without end fills no disk'],
  ],
  [
    'a WAL segment, fetched ahead or read for a plan',
    "the cluster's segment size",
    [bombs, 'a segment that is fetched ahead'],
  ],
  [
    'any object as it is stored',
    'its decoded limit, a sixty-fourth and 2 MiB more',
    [bombs, 'is read no further than the largest encoding'],
  ],
  ['what comes out of the encryption', 'the same', [bombs, 'gives none of the rest']],
  [
    'a part or manifest, stored',
    "the commit record's size",
    ['unit/operations/restore/unpack.test.ts', 'a part that is longer than what was committed'],
  ],
  [
    'a part or manifest, decoded',
    "the commit record's plain size",
    ['unit/operations/restore/unpack.test.ts', 'a part of the same size that unpacks to very much'],
  ],
  [
    'an archived file that a push is compared with',
    "the pushed file's size, at least 1 MiB",
    ['e2e/hostile-bounds.test.ts', 'unpacks without end fills no disk'],
  ],
];

const page = new URL('../../../docs/security-bounds.md', import.meta.url);

test('the page of bounds is what the code says (UPDATE_DOCS=1 writes it)', () => {
  const expected = render();
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(page, expected);
  assert.equal(readFileSync(page, 'utf8'), expected);
});

test('each bound has the test that the page names', () => {
  const proofs = [ofObjects, ofPieces, ofCounts, ofTotals, ofAnswers].flatMap(one =>
    Object.values<Proof>(one),
  );
  for (const [file, name] of [...proofs, ...told.map(([, , proof]) => proof), read])
    assert.ok(
      readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8').includes(name),
      `${file} has no test "${name}"`,
    );
});

function render(): string {
  const proofOf = ([file, name]: Proof) => `\`test/${file}\`: ${name.replace(/: $/, '')}`;
  const rows = [
    ...told.map(([what, limit, proof]) => [what, limit, proofOf(proof)]),
    ...sized(objectBounds, ofObjects),
    ...sized(pieceBounds, ofPieces),
    ...Object.entries(countBounds).map(([key, { what, limit }]) => [
      what,
      String(limit),
      proofOf(ofCounts[key as keyof typeof countBounds]),
    ]),
    ...sized(totalBounds, ofTotals),
    ...sized(answerBounds, ofAnswers),
    ...Object.values(fileBounds).map(({ what, limitBytes }) => [what, formatSize(limitBytes), proofOf(read)]),
  ];

  function sized<Bounds extends Record<string, { readonly what: string; readonly limitBytes: number }>>(
    bounds: Bounds,
    proofs: Proofs<Bounds>,
  ): string[][] {
    return Object.entries(bounds).map(([key, { what, limitBytes }]) => [
      what,
      formatSize(limitBytes),
      proofOf(proofs[key as keyof Bounds]),
    ]);
  }

  return `# Bounds

Everything that is read from a repository, from \`pg_wal\` or from a file of the host has a limit that is known before it is read. What exceeds
it is \`damaged\` (a file of the host: \`local-io\`, \`key\` or \`config\`, [exit-codes.md](exit-codes.md)): reading stops at once, nothing beyond
the limit is written anywhere, and no temporary file stays. The limit is a required parameter of each function by which bytes come in.

Made from \`src/base/bounds.ts\` by \`UPDATE_DOCS=1 npx vitest run test/unit/base/bounds.test.ts\`.

| what is read | limit | test |
|---|---|---|
${rows.map(row => `| ${row.join(' | ')} |\n`).join('')}`;
}
