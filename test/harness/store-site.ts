/** An installation on each kind of store, set up as its user would: by `init`, with credentials from files. */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startAzurite, type Azurite } from './azurite.ts';
import { startGcsServer, type GcsServer } from './gcs-server.ts';
import { startS3Server, type S3Server, type S3ServerOptions } from './s3-server.ts';
import { createSite, type Site } from './site.ts';
import { temporaryDirectory } from './temp.ts';
import { giveToUnprivileged } from './unprivileged.ts';

/** The service is a process of its own where its maker has one, else an imitation in this process. */
export interface StoreSite {
  readonly site: Site;
  /** Everything stored, by the names that the service knows. */
  contents(): Promise<ReadonlyMap<string, Buffer>>;
  close(): Promise<void>;
}

export async function createS3Site(
  options: S3ServerOptions = {},
  initArgs: readonly string[] = [],
): Promise<StoreSite & { readonly server: S3Server }> {
  const server = await startS3Server(options);
  const site = await createSite({
    repositoryUrl: () => server.url,
    initArgs: [...s3Args(server), ...initArgs],
  });
  const contents = async () => dataOf(server.contents.objects);
  return { site, server, contents, close: () => server.close() };
}

export async function createGcsSite(): Promise<StoreSite & { readonly server: GcsServer }> {
  const server = await startGcsServer();
  const site = await createSite({ repositoryUrl: () => server.url, initArgs: gcsArgs(server) });
  const contents = async () => dataOf(server.contents.objects);
  return { site, server, contents, close: () => server.close() };
}

export async function createAzureSite(): Promise<StoreSite & { readonly server: Azurite }> {
  const server = await startAzurite();
  const site = await createSite({ repositoryUrl: () => server.url, initArgs: azureArgs(server) });
  const contents = async () => {
    const blobs = new Map<string, Buffer>();
    for await (const { name } of server.client.listBlobsFlat())
      blobs.set(name, await server.client.getBlobClient(name).downloadToBuffer());
    return blobs;
  };
  return { site, server, contents, close: () => server.close() };
}

/** For `init`. */
export function s3Args({ accessKeyId, secretAccessKey }: S3Server): string[] {
  return [
    '--access-key-id',
    accessKeyId,
    '--secret-access-key-file',
    secretFile('s3-secret', secretAccessKey),
  ];
}

export function gcsArgs({ serviceAccount }: GcsServer): string[] {
  return ['--credentials-file', secretFile('gcs-account.json', JSON.stringify(serviceAccount))];
}

export function azureArgs({ accountKey }: Azurite): string[] {
  return ['--account-key-file', secretFile('azure-key', `${accountKey}\n`)];
}

/** A file that only the executable's user can read. */
export function secretFile(name: string, content: string): string {
  const directory = temporaryDirectory('secret');
  const path = join(directory, name);
  writeFileSync(path, content);
  chmodSync(path, 0o600);
  giveToUnprivileged(directory);
  return path;
}

function dataOf(objects: ReadonlyMap<string, { readonly data: Buffer }>): Map<string, Buffer> {
  return new Map([...objects].map(([key, { data }]) => [key, data]));
}
