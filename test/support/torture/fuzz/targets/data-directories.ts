/** Files of a data directory, which may be a restored one: whoever wrote the backup wrote them. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { finishCrc32c, startCrc32c, updateCrc32c } from '../../../../../src/base/checksum/crc32c.ts';
import {
  parseBackupLabel,
  withoutIncrementalLines,
} from '../../../../../src/postgres/cluster/backup-label.ts';
import {
  encodeBackupManifest,
  updateBackupManifest,
} from '../../../../../src/postgres/cluster/backup-manifest.ts';
import { readConfiguration, settingsOf } from '../../../../../src/postgres/cluster/configuration-files.ts';
import { parseConfigurationLine } from '../../../../../src/postgres/cluster/configuration-line.ts';
import {
  parseControlFile,
  reachedIn,
  readControlFileNow,
} from '../../../../../src/postgres/cluster/control-file.ts';
import { encodeMarker, parseMarker } from '../../../../../src/operations/restore/delta/marker.ts';
import { parseLockFile } from '../../../../../src/postgres/cluster/lock-file.ts';
import { isServerStopping, readPostmasterPid } from '../../../../../src/postgres/cluster/postmaster-pid.ts';
import { commentOut, settingName } from '../../../../../src/postgres/cluster/recovery-settings.ts';
import { readLossRecords } from '../../../../../src/repository/wal/loss-records.ts';
import { silentLog } from '../../../logs.ts';
import { makeControlFile } from '../../../wal/made-control-file.ts';
import { clusterSamples } from '../../../wal/cluster-samples.ts';
import type { Random } from '../random.ts';
import type { FuzzTarget } from '../target.ts';

/** The file with this content, for as long as `use` runs. */
async function withFile(
  {
    directory,
    name,
    content,
  }: { readonly directory: string; readonly name: string; readonly content: Uint8Array },
  use: () => unknown,
): Promise<void> {
  const path = join(directory, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, content);
  try {
    await use();
  } finally {
    for (const part of [name.split('/')[0] ?? name, name])
      rmSync(join(directory, part), { recursive: true, force: true });
  }
}

export const controlFile: FuzzTarget = {
  name: 'control-file',
  reads: 'global/pg_control',
  parsers: [
    'postgres/cluster/control-file.ts#parseControlFile',
    'postgres/cluster/control-file.ts#readControlFileNow',
  ],
  open: () =>
    Promise.resolve({
      form: 'bytes',
      corpus: [...clusterSamples.map(sample => Buffer.from(sample.controlFile, 'base64')), makeControlFile()],
      repair: withControlCrc,
      async parse(input, { directory }) {
        await withFile({ directory, name: 'global/pg_control', content: input }, () =>
          readControlFileNow(directory),
        );
        reachedIn(parseControlFile(input));
      },
    }),
};

/** The checksum lies behind the fields, in another place in each version. */
function withControlCrc(input: Buffer, random: Random): Buffer {
  const at = random.pick([288, 292, 308]);
  if (input.length >= at + 4) input.writeUInt32LE(finishCrc32c(updateCrc32c(startCrc32c, input, 0, at)), at);
  return input;
}

export const backupLabel: FuzzTarget = {
  name: 'backup-label',
  reads: 'backup_label',
  parsers: ['postgres/cluster/backup-label.ts#parseBackupLabel'],
  open: () =>
    Promise.resolve({
      form: 'text',
      corpus: [
        'START WAL LOCATION: 0/2000028 (file 000000010000000000000002)\nCHECKPOINT LOCATION: 0/2000060\nBACKUP METHOD: streamed\nBACKUP FROM: primary\nSTART TIME: 2026-11-30 00:00:00 UTC\nLABEL: nightly\nSTART TIMELINE: 1\n',
        'START WAL LOCATION: 1/2000028 (file 000000030000000100000002)\nCHECKPOINT LOCATION: 1/2000060\nBACKUP FROM: standby\nLABEL: x\nINCREMENTAL FROM LSN: 0/2000028\nINCREMENTAL FROM TLI: 1\n',
      ].map(text => Buffer.from(text)),
      parse(input) {
        const text = input.toString('utf8');
        withoutIncrementalLines(text);
        parseBackupLabel(text);
      },
    }),
};

export const backupManifest: FuzzTarget = {
  name: 'backup-manifest',
  reads: 'backup_manifest of a restored directory',
  parsers: ['postgres/cluster/backup-manifest.ts#updateBackupManifest', 'base/bytes/lines.ts#readLines'],
  async open() {
    const files = ['PG_VERSION', 'base/1/1259', 'postgresql.auto.conf'].map(path => ({
      path,
      sizeBytes: 3,
      mtimeMs: 0,
      sha256: 'a'.repeat(64),
    }));
    const made = [15, 18].map(async postgresMajor => {
      const manifest = {
        postgresMajor,
        systemId: 7n,
        walRanges: [{ timeline: 1, startLsn: 40n, endLsn: 80n }],
      };
      return Buffer.concat(await Array.fromAsync(encodeBackupManifest(manifest, files)));
    });
    return {
      form: 'text',
      corpus: await Promise.all(made),
      async parse(input, { directory, random }) {
        const file = {
          path: random.pick(['postgresql.auto.conf', 'PG_VERSION', 'new']),
          content: Buffer.from('x'),
          isNew: random.onceIn(2),
        };
        await withFile({ directory, name: 'backup_manifest', content: input }, () =>
          updateBackupManifest(directory, file),
        );
      },
    };
  },
};

export const postmasterPid: FuzzTarget = {
  name: 'postmaster-pid',
  reads: 'postmaster.pid',
  parsers: [
    'postgres/cluster/postmaster-pid.ts#readPostmasterPid',
    'postgres/cluster/postmaster-pid.ts#isServerStopping',
    'postgres/cluster/lock-file.ts#parseLockFile',
  ],
  open: () =>
    Promise.resolve({
      form: 'text',
      corpus: [
        '4711\n/var/lib/postgresql/15/main\n1764547200\n5432\n/var/run/postgresql\nlocalhost\n  5432001         2\nready   \n',
        '-4711\n/var/lib/postgresql/15/main\n1764547200\n0\n\n\n',
      ].map(text => Buffer.from(text)),
      parse: (input, { directory }) =>
        withFile({ directory, name: 'postmaster.pid', content: input }, () => {
          readPostmasterPid(directory);
          isServerStopping(directory);
          parseLockFile(input.toString('utf8'));
        }),
    }),
};

export const deltaMarker: FuzzTarget = {
  name: 'delta-marker',
  reads: 'walvault.delta-restore of a data directory',
  parsers: ['operations/restore/delta/marker.ts#parseMarker'],
  open: () =>
    Promise.resolve({
      form: 'json',
      corpus: [
        new Map<number, string>(),
        new Map([
          [16_385, '/srv/fast'],
          [16_386, '/srv/slow "disk"'],
        ]),
      ].map(tablespaces =>
        Buffer.from(
          encodeMarker({
            systemId: 7_301_234_567_890_123_456n,
            backup: '20261122T020000Z-full-3f2a91',
            tablespaces,
          }),
        ),
      ),
      parse: input => void parseMarker(input.toString('utf8')),
    }),
};

export const serverConfiguration: FuzzTarget = {
  name: 'postgresql-conf',
  reads: 'postgresql.conf of a restored directory',
  parsers: [
    'postgres/cluster/configuration-files.ts#readConfiguration',
    'postgres/cluster/configuration-line.ts#parseConfigurationLine',
    'postgres/cluster/recovery-settings.ts#settingName',
  ],
  open: () =>
    Promise.resolve({
      form: 'text',
      corpus: [
        "listen_addresses = '*'  # what it listens on\nport=5432\nshared_buffers 128MB\nlog_line_prefix = '%m ''q'' \\'x\\''\n#archive_mode = on\n",
        "include 'postgresql.conf'\ninclude_if_exists = 'other.conf'\ninclude_dir '.'\nssl_passphrase_command='echo \\101\\n'\n",
      ].map(text => Buffer.from(text)),
      async parse(input, { directory }) {
        const text = input.toString('latin1');
        for (const line of text.split('\n')) parseConfigurationLine(line);
        commentOut(text, new Set(['port', 'archive_mode']));
        settingName(text);
        await withFile({ directory, name: 'postgresql.conf', content: input }, async () => {
          const path = join(directory, 'postgresql.conf');
          // A file that includes itself is read no deeper than PostgreSQL does, and nothing outside the directory is read.
          const found = await readConfiguration(path, named =>
            named.startsWith(directory) ? named : join(directory, 'absent'),
          );
          if (found !== undefined) settingsOf(found);
        });
      },
    }),
};

export const lossRecord: FuzzTarget = {
  name: 'loss-record',
  reads: 'a record of WAL that was given up, in the data directory',
  parsers: ['repository/wal/loss-records.ts#readLossRecords'],
  open: () =>
    Promise.resolve({
      form: 'json',
      corpus: [
        Buffer.from(
          JSON.stringify({
            format: 1,
            systemId: '7300000000000000001',
            time: '2026-11-30T00:00:00.000Z',
            segment: '000000010000000000000042',
            segmentSizeBytes: 16_777_216,
            host: 'db1',
            backlogBytes: 1,
            limitBytes: 2,
            reason: 'x',
          }),
        ),
      ],
      parse: (input, { directory }) =>
        withFile(
          { directory, name: '.walvault-lost-wal/000000010000000000000042.json', content: input },
          () => readLossRecords(directory, silentLog),
        ),
    }),
};
