/** The list of all targets, and those of the test of the harness by their names. */
import { brokenTargets, slowlyMade } from './broken-targets.ts';
import type { FuzzTarget } from './target.ts';
import { tar, zstd } from './targets/archives.ts';
import { claim, clusterRecord, marker, note, record } from './targets/catalogue.ts';
import { agentMessages } from './targets/agents.ts';
import { configurationFile, connectionSettings, environment, shownText } from './targets/configuration.ts';
import {
  backupLabel,
  backupManifest,
  controlFile,
  deltaMarker,
  lossRecord,
  postmasterPid,
  serverConfiguration,
} from './targets/data-directories.ts';
import { nameMap, recoveryWords } from './targets/databases.ts';
import { listing, sidecar } from './targets/listings.ts';
import { restoredBackup } from './targets/restores.ts';
import { serverMessages } from './targets/servers.ts';
import { azureAnswers, gcsAnswers, s3Answers } from './targets/services.ts';
import { incrementalFile } from './targets/incremental-files.ts';
import { history } from './targets/histories.ts';
import { pageDigests } from './targets/page-digests.ts';
import { partIndex } from './targets/part-indexes.ts';
import { manifest } from './targets/manifests.ts';
import { openpgpInside, openpgpKey, openpgpMessage, openpgpSignature } from './targets/openpgp.ts';
import { walHeader, walRecords } from './targets/wal.ts';
import { walObject } from './targets/wal-objects.ts';
import { walSummary } from './targets/wal-summaries.ts';

export const fuzzTargets: readonly FuzzTarget[] = [
  history,
  record,
  note,
  manifest,
  partIndex,
  pageDigests,
  tar,
  incrementalFile,
  zstd,
  openpgpMessage,
  openpgpInside,
  openpgpSignature,
  openpgpKey,
  walRecords,
  walHeader,
  walObject,
  walSummary,
  marker,
  clusterRecord,
  claim,
  listing,
  sidecar,
  restoredBackup,
  controlFile,
  backupLabel,
  backupManifest,
  postmasterPid,
  deltaMarker,
  serverConfiguration,
  lossRecord,
  s3Answers,
  gcsAnswers,
  azureAnswers,
  nameMap,
  recoveryWords,
  serverMessages,
  configurationFile,
  environment,
  connectionSettings,
  shownText,
  agentMessages,
];

export function findTarget(name: string): FuzzTarget {
  const found = [...fuzzTargets, ...brokenTargets, slowlyMade].find(target => target.name === name);
  if (found === undefined)
    throw new Error(
      `no such target: ${name}; there are ${fuzzTargets.map(target => target.name).join(', ')}`,
    );
  return found;
}
