/** Configuration: the file, the environment, what stands in them, and libpq's own files. */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseDuration, parseSize } from '../../../../../src/base/units.ts';
import { hideUrlPasswords } from '../../../../../src/base/url-passwords.ts';
import { visibleLines, visibleText } from '../../../../../src/base/visible-text.ts';
import { loadConfig } from '../../../../../src/config/index.ts';
import { Secret } from '../../../../../src/base/secret.ts';
import { Redactor } from '../../../../../src/observe/redact.ts';
import { parseTarget } from '../../../../../src/operations/restore/target.ts';
import { parseTargetTime } from '../../../../../src/operations/restore/target-time.ts';
import { parseConnectionString } from '../../../../../src/postgres/server/libpq/connection-string.ts';
import { resolveTarget } from '../../../../../src/postgres/server/libpq/connection-target.ts';
import { findPassword } from '../../../../../src/postgres/server/libpq/password-file.ts';
import { parseService } from '../../../../../src/postgres/server/libpq/service-file.ts';
import { parseUrl } from '../../../../../src/stores/url.ts';
import type { FuzzTarget } from '../target.ts';

const examples = [
  'cluster = "orders"\n[[repository]]\nname = "main"\nurl = "file:///srv/archive"\n[encryption]\nmode = "none"\n[archive]\ntimeout = "60s"\nqueue-limit = "10GiB"\n',
  'cluster = "orders"\n[[repository]]\nname = "a"\nurl = "s3://bucket/prefix?region=r"\n[[repository]]\nname = "b"\nurl = "gs://bucket"\nrequired = false\n[encryption]\nwal-recipients = ["a.asc"]\npassphrase = { file = "/etc/secret" }\n[signing]\nverify = "require"\ntrusted-signers = ["b.asc"]\n[compression]\nlevel = 3\n',
];

export const configurationFile: FuzzTarget = {
  name: 'configuration-file',
  reads: 'walvault.toml',
  parsers: [
    'config/config-file.ts#readConfigFile',
    'config/value.ts#readValue',
    'config/toml-lines.ts#keyLines',
    'config/value.ts#isClusterName',
  ],
  open: () =>
    Promise.resolve({
      form: 'text',
      corpus: examples.map(text => Buffer.from(text)),
      async parse(input, { directory }) {
        const path = join(directory, 'walvault.toml');
        writeFileSync(path, input, { mode: 0o600 });
        try {
          await loadConfig({ path, env: {} });
        } finally {
          rmSync(path);
        }
      },
    }),
};

export const environment: FuzzTarget = {
  name: 'environment',
  reads: 'variables of the environment',
  parsers: [
    'config/environment.ts#readEnvironment',
    'base/units.ts#parseDuration',
    'base/units.ts#parseSize',
    'stores/url.ts#parseUrl',
  ],
  open: () =>
    Promise.resolve({
      form: 'text',
      corpus: [
        'WALVAULT_CLUSTER=orders\nWALVAULT_REPOSITORY_URL=file:///srv/archive\nWALVAULT_ENCRYPTION_MODE=none\nWALVAULT_ARCHIVE_TIMEOUT=60s\nWALVAULT_ARCHIVE_QUEUE_LIMIT=10GiB\n',
        'WALVAULT_CLUSTER=orders\nWALVAULT_REPOSITORY_OFFSITE_URL=s3://bucket/prefix?region=r\nWALVAULT_ENCRYPTION_PASSPHRASE_FILE=/etc/secret\nWALVAULT_COMPRESSION_LEVEL=3\n',
      ].map(text => Buffer.from(text)),
      async parse(input) {
        const lines = input.toString('utf8').split('\n');
        const env = Object.fromEntries(
          lines.map(line => [line.split('=', 1)[0] ?? '', line.slice(line.indexOf('=') + 1)]),
        );
        const answers = await Promise.allSettled([
          loadConfig({ env, defaultPath: '/nonexistent/walvault.toml' }),
          ...Object.values(env).map(async value => parseDuration(value)),
          ...Object.values(env).map(async value => parseSize(value)),
          ...Object.values(env).map(async value => parseUrl(value)),
        ]);
        const failed = answers.find(
          answer => answer.status === 'rejected' && answer.reason instanceof RangeError,
        );
        const first = failed ?? answers.find(answer => answer.status === 'rejected');
        if (first?.status === 'rejected') throw first.reason;
      },
    }),
};

export const connectionSettings: FuzzTarget = {
  name: 'connection-settings',
  reads: 'a connection string, a service file, a password file',
  parsers: [
    'postgres/server/libpq/connection-string.ts#parseConnectionString',
    'postgres/server/libpq/service-file.ts#parseService',
    'postgres/server/libpq/service-file.ts#readService',
    'postgres/server/libpq/password-file.ts#findPassword',
  ],
  open: () =>
    Promise.resolve({
      form: 'text',
      corpus: [
        "host=/tmp port=5432 user='a b' password='it\\'s' dbname=postgres sslmode=verify-full connect_timeout=10",
        'postgresql://user:p%40ss@[::1]:5432,host2:5433/db?sslmode=require&application_name=x',
        '[orders]\nhost=a\nport=5432\n# comment\n[other]\nhost=b\n',
        'localhost:5432:*:postgres:se\\:cret\n*:*:*:*:x\n',
      ].map(text => Buffer.from(text)),
      async parse(input, { directory }) {
        const text = input.toString('utf8');
        const path = join(directory, 'service');
        writeFileSync(path, input);
        try {
          await resolveTarget(undefined, { PGSERVICE: 'orders', PGSERVICEFILE: path, PGUSER: 'a' });
        } finally {
          rmSync(path);
        }
        findPassword(text, { hosts: ['localhost'], port: 5432, database: 'a', user: 'postgres' });
        parseService(text, 'orders', 'a file');
        parseConnectionString(text);
        await resolveTarget(new Secret(text), { PGUSER: 'a' });
      },
    }),
};

export const shownText: FuzzTarget = {
  name: 'shown-text',
  reads:
    'names, labels and messages of others, on their way to terminal and log; points in time that people type',
  parsers: [
    'operations/restore/target-time.ts#parseTargetTime',
    'operations/restore/target.ts#parseTarget',
    'base/url-passwords.ts#hideUrlPasswords',
  ],
  open: () => {
    const redactor = new Redactor();
    redactor.add([new Secret('a secret value')]);
    return Promise.resolve({
      form: 'text',
      corpus: [
        '2026-11-30 12:00:00.123456+01',
        '2026-11-30 12:00 Europe/Zurich',
        'connect to postgres://user:pa/ss@host/db?a=b failed: Bearer abcdefghijkl, sig=abc&x, eyJhbGciOi.abc',
        '-----BEGIN PGP PRIVATE KEY BLOCK-----\nabc\n-----END PGP PRIVATE KEY BLOCK-----\nurl=https%3A%2F%2Fu%3Ap%40h',
      ].map(text => Buffer.from(text)),
      parse(input) {
        const text = input.toString('utf8');
        const shown = visibleText(redactor.redact(hideUrlPasswords(text)));
        if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(shown.replaceAll('\t', '')))
          throw new Error('a control character is shown');
        visibleLines(text);
        parseTarget({ targetName: text });
        parseTargetTime(text);
      },
    });
  },
};
