/**
 * The policies of docs/permissions.md, given to an account of a real Ceph that has no other rights, suffice for their
 * commands and for no more.
 */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  CreateBucketCommand,
  PutBucketPolicyCommand,
  PutBucketVersioningCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { missingCephTools, startCeph, type CephGateway } from '../support/servers/ceph.ts';
import { backUp } from '../support/site/cycle.ts';
import type { PostgresServer } from '../support/servers/postgres-server.ts';
import { archiveEverything, commitRows, createSite, type Site } from '../support/site/site.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import { giveToUnprivileged } from '../support/site/unprivileged.ts';

const page = readFileSync(resolve(import.meta.dirname, '../../docs/permissions.md'), 'utf8');
const missing = missingCephTools();

interface Statement {
  readonly Action: readonly string[];
  readonly Condition?: unknown;
}

/** The block for a command, for one account and without the conditions that Ceph 16 does not know. */
function policyOf(command: string, principal: string): string {
  const text = new RegExp(`\`\`\`json ${command}\\n([^]*?)\`\`\``).exec(page)?.[1];
  assert(text !== undefined, `no policy for ${command} on the page`);
  const { Version, Statement } = JSON.parse(text) as { Version: string; Statement: Statement[] };
  return JSON.stringify({
    Version,
    Statement: Statement.map(({ Condition: _condition, ...statement }) => ({
      ...statement,
      Principal: { AWS: [principal] },
    })),
  });
}

if (missing.length > 0) {
  it('least privilege on Ceph', () => {
    throw new Error(`not installed: ${missing.join(', ')} (Debian: ceph-mon ceph-osd radosgw)`);
  });
} else {
  describe('least privilege on Ceph', () => {
    let ceph: CephGateway;
    let site: Site;
    let origin: PostgresServer;
    let stranger: Record<string, string>;
    let grant: (command: string) => Promise<void>;
    let archived: string;
    /** With the rights of the stranger, as everything here but init. */
    const backUpAsStranger = () =>
      backUp(
        {
          ...site,
          walvault: (args, run) => site.walvault(args, { ...run, env: { ...run?.env, ...stranger } }),
        },
        origin,
      );

    beforeAll(async () => {
      ceph = await startCeph();
      const client = new S3Client({
        endpoint: ceph.endpoint,
        region: 'us-east-1',
        forcePathStyle: true,
        credentials: ceph,
      });
      await client.send(new CreateBucketCommand({ Bucket: 'acme-wal' }));
      await client.send(
        new PutBucketVersioningCommand({
          Bucket: 'acme-wal',
          VersioningConfiguration: { Status: 'Enabled' },
        }),
      );
      grant = async command => {
        const Policy = policyOf(command, ceph.stranger.arn);
        await client.send(new PutBucketPolicyCommand({ Bucket: 'acme-wal', Policy }));
      };
      const directory = temporaryDirectory('secret');
      const secretFile = join(directory, 'secret');
      writeFileSync(secretFile, ceph.secretAccessKey, { mode: 0o600 });
      giveToUnprivileged(directory);
      site = await createSite({
        repositoryUrl: () => `s3://acme-wal/pg?endpoint=${encodeURIComponent(ceph.endpoint)}&path-style=true`,
        initArgs: ['--access-key-id', ceph.accessKeyId, '--secret-access-key-file', secretFile],
      });
      stranger = {
        WALVAULT_REPOSITORY_ACCESS_KEY_ID: ceph.stranger.accessKeyId,
        WALVAULT_REPOSITORY_SECRET_ACCESS_KEY: ceph.stranger.secretAccessKey,
      };
      origin = await site.startOrigin({ env: stranger });
    });
    afterAll(async () => {
      await origin[Symbol.asyncDispose]();
      await ceph.close();
    });

    it('push: archives, again too, and refuses other content', async () => {
      await grant('push');
      await commitRows(origin, 1, 2);
      await archiveEverything(origin);
      const status = readdirSync(join(origin.dataDirectory, 'pg_wal', 'archive_status'));
      archived = status.find(name => name.endsWith('.done'))?.slice(0, 24) ?? '';
      const again = await site.walvault(['push', `pg_wal/${archived}`], {
        cwd: origin.dataDirectory,
        env: stranger,
      });
      assert.equal(again.exitCode, 0, again.stderr);
    });

    it('push suffices for backups, and not to remove one', async () => {
      const first = await backUpAsStranger();
      await backUpAsStranger();
      const refused = await site.walvault(['cleanup', '--keep-last', '1'], { env: stranger });
      assert.notEqual(refused.exitCode, 0, refused.stdout);
      assert.match(refused.stderr, /denied/);
      const { stdout } = await site.walvault(['list', 'backups'], { env: stranger });
      assert.match(stdout, new RegExp(first.id));
    });

    it('fetch: reads, and an absent file is absent', async () => {
      await grant('fetch');
      const target = join(temporaryDirectory('fetched'), 'file');
      const fetched = await site.walvault(['fetch', archived, target], {
        env: stranger,
        cwd: origin.dataDirectory,
      });
      assert.equal(fetched.exitCode, 0, fetched.stderr);
      const absent = await site.walvault(['fetch', '00000009.history', target], {
        env: stranger,
        cwd: origin.dataDirectory,
      });
      assert.equal(absent.exitCode, 1, absent.stderr);
      const refused = await site.walvault(['backup', '--fast'], { env: { ...origin.env, ...stranger } });
      assert.notEqual(refused.exitCode, 0);
      assert.match(refused.stderr, /denied/);
    });

    it('past: reads versions, and the rights to read the present are not needed', async () => {
      await grant('past');
      const past = ['--repository-time', new Date().toISOString()];
      const { stdout, stderr } = await site.walvault(['list', 'backups', ...past], { env: stranger });
      assert.equal(stdout.match(/ full /g)?.length, 2, stderr);
      const target = join(temporaryDirectory('fetched'), 'file');
      const fetched = await site.walvault(['fetch', ...past, archived, target], {
        env: stranger,
        cwd: origin.dataDirectory,
      });
      assert.equal(fetched.exitCode, 0, fetched.stderr);
      const present = await site.walvault(['list'], { env: stranger });
      assert.match(present.stderr, /denied/);
    });

    it('cleanup: removes, and check finds nothing to complain of', async () => {
      await grant('cleanup');
      const cleaned = await site.walvault(['cleanup', '--keep-last', '1'], { env: stranger });
      assert.equal(cleaned.exitCode, 0, cleaned.stderr);
      assert.match(cleaned.stdout, /removed [1-9]\d* backup/);
      assert.doesNotMatch(cleaned.stderr, /not looked for/);
      const checked = await site.walvault(['check', '--private-key', site.privateKeyPath], {
        env: { ...origin.env, ...stranger },
      });
      assert.doesNotMatch(checked.stdout, /^fail {2}repository/m, checked.stdout);
      assert.match(checked.stdout, /^ok {4}repository main: writes, reads, lists and deletes$/m);
    });
  });
}
