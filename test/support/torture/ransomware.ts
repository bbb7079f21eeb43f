/**
 * Recovery after ransomware and after a wrong cleanup, on a real Ceph: a bucket with versions is read as it was before, and
 * the restored server has every row of that time.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateBucketCommand,
  DeleteObjectsCommand,
  ListObjectsV2Command,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { startCeph, type CephGateway } from '../servers/ceph.ts';
import { backUp, restoreInto, startCopy } from '../site/cycle.ts';
import { archiveEverything, commitRows, createSite, outcomeOf, rowsOf, type Site } from '../site/site.ts';
import { secretFile } from '../site/store-site.ts';

const bucket = 'versions';

export interface Rescued {
  readonly objects: number;
  readonly rows: number;
}

/** @throws AssertionError if anything of the past is missing, or anything of the present is taken for it */
export async function surviveRansomware(): Promise<Rescued> {
  const ceph = await startCeph();
  const client = clientOf(ceph);
  try {
    await client.send(new CreateBucketCommand({ Bucket: bucket }));
    const VersioningConfiguration = { Status: 'Enabled' } as const;
    await client.send(new PutBucketVersioningCommand({ Bucket: bucket, VersioningConfiguration }));
    const site = await createSite({
      repositoryUrl: () =>
        `s3://${bucket}/pg?endpoint=${encodeURIComponent(ceph.endpoint)}&path-style=true&versions=keep`,
      initArgs: [
        ...['--access-key-id', ceph.accessKeyId],
        ...['--secret-access-key-file', secretFile('ceph-secret', ceph.secretAccessKey)],
      ],
    });
    await using origin = await site.startOrigin();
    await commitRows(origin, 1, 2);
    const first = await backUp(site, origin);
    await commitRows(origin, 3, 4);
    await archiveEverything(origin);
    const beforeCleanup = await momentBetween();
    await commitRows(origin, 5, 6);
    await backUp(site, origin);
    await succeed(site, ['cleanup', '--keep-last', '1']);
    await commitRows(origin, 7, 8);
    await archiveEverything(origin);
    const beforeAttack = await momentBetween();
    const objects = await attack(client);

    assert.notEqual((await site.walvault(['restore', `${site.directory}/none`])).exitCode, 0);
    await assertRescued(site, beforeAttack, 8);
    // The cleanup removed the first backup and its WAL; before it, they and nothing later were there.
    await assertRescued(site, beforeCleanup, 4, ['--backup', first.id]);
    return { objects, rows: 8 };
  } finally {
    client.destroy();
    await ceph.close();
  }
}

async function assertRescued(site: Site, moment: Date, last: number, args: readonly string[] = []) {
  const past = ['--repository-time', moment.toISOString()];
  const { stdout } = await succeed(site, ['list', 'backups', '--json', ...past]);
  assert.equal((stdout.match(/"id":/g) ?? []).length > 0, true, stdout);
  const directory = await restoreInto(site, [...past, ...args]);
  await using copy = await startCopy(site, directory);
  assert.equal(await outcomeOf(copy), 'promoted', copy.logTail());
  assert.deepEqual(
    await rowsOf(copy),
    Array.from({ length: last }, (_, index) => index + 1),
  );
}

async function succeed(site: Site, args: readonly string[]) {
  const done = await site.walvault(args, { timeoutMs: 180_000 });
  assert.equal(done.exitCode, 0, done.stderr);
  return done;
}

/** Every object of the bucket is encrypted by somebody else, or deleted, with credentials that cannot delete versions. */
async function attack(client: S3Client): Promise<number> {
  let count = 0;
  for (let token: string | undefined, isFirst = true; isFirst || token !== undefined; isFirst = false) {
    const page = await client.send(new ListObjectsV2Command({ Bucket: bucket, ContinuationToken: token }));
    const keys = (page.Contents ?? []).flatMap(({ Key }) => Key ?? []);
    for (const Key of keys.filter((_, index) => index % 2 === 0))
      await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: randomBytes(1000) }));
    const Objects = keys.filter((_, index) => index % 2 === 1).map(Key => ({ Key }));
    if (Objects.length > 0)
      await client.send(new DeleteObjectsCommand({ Bucket: bucket, Delete: { Objects } }));
    count += keys.length;
    token = page.NextContinuationToken;
  }
  return count;
}

/** Services stamp versions in whole seconds. */
async function momentBetween(): Promise<Date> {
  await sleep(1500);
  const moment = new Date();
  await sleep(1500);
  return moment;
}

function clientOf({ endpoint, accessKeyId, secretAccessKey }: CephGateway): S3Client {
  return new S3Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId, secretAccessKey },
  });
}
