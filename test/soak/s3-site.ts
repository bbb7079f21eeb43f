/** An installation whose repository is an S3 bucket, served by the imitation in this process. */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startS3Server, type S3Server } from '../harness/s3-server.ts';
import { createSite, type Site } from '../harness/site.ts';
import { temporaryDirectory } from '../harness/temp.ts';
import { giveToUnprivileged } from '../harness/unprivileged.ts';

export async function createS3Site(): Promise<{ site: Site; server: S3Server }> {
  const server = await startS3Server();
  const directory = temporaryDirectory('s3-key');
  const secretPath = join(directory, 'secret');
  writeFileSync(secretPath, server.secretAccessKey);
  chmodSync(secretPath, 0o600);
  giveToUnprivileged(directory);
  const site = await createSite({
    initArgs: ['--access-key-id', server.accessKeyId, '--secret-access-key-file', secretPath],
    repositoryUrl: () => server.url,
  });
  return { site, server };
}
