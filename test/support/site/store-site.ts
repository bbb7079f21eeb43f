/** An installation on each kind of store, set up as its user would: by `init`, with credentials from files. */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { startAzurite, type Azurite } from '../servers/azurite.ts';
import { startGcsServer, type GcsServer } from '../servers/gcs/server.ts';
import { startS3Server, type S3Server, type S3ServerOptions } from '../servers/s3/server.ts';
import { createSite, type Site } from './site.ts';
import { startTcpFaultProxy } from '../faults/tcp-fault-proxy.ts';
import { temporaryDirectory } from './temp.ts';
import { giveToUnprivileged } from './unprivileged.ts';

/** The service is a process of its own where its maker has one, else an imitation in this process. */
export interface StoreSite {
  readonly site: Site;
  /** The next object is created, and the answer that says so does not arrive. */
  loseNextAnswer(): void;
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
  return { site, server, ...faultsOf(server, 'PUT') };
}

export async function createGcsSite(): Promise<StoreSite & { readonly server: GcsServer }> {
  const server = await startGcsServer();
  const site = await createSite({ repositoryUrl: () => server.url, initArgs: gcsArgs(server) });
  return { site, server, ...faultsOf(server, 'POST') };
}

export async function createAzureSite(): Promise<StoreSite & { readonly server: Azurite }> {
  const server = await startAzurite();
  const { hostname, port } = new URL(server.endpoint);
  const proxy = await startTcpFaultProxy({ host: hostname, port: Number(port) });
  // Azurite has no faults to inject: they lie in the way.
  const url = server.url.replace(`${hostname}%3A${port}`, `${proxy.host}%3A${proxy.port}`);
  const site = await createSite({ repositoryUrl: () => url, initArgs: azureArgs(server) });
  return {
    site,
    server,
    loseNextAnswer: () => proxy.setFault({ kind: 'lost-response', method: 'PUT' }),
    async contents() {
      const blobs = new Map<string, Buffer>();
      for await (const { name } of server.client.listBlobsFlat())
        blobs.set(name, await server.client.getBlobClient(name).downloadToBuffer());
      return blobs;
    },
    async close() {
      await proxy.close();
      await server.close();
    },
  };
}

/** Of an imitation in this process; `method` creates objects there. */
function faultsOf(server: S3Server | GcsServer, method: string): Omit<StoreSite, 'site'> {
  return {
    loseNextAnswer: () => server.faults.inject({ method, effect: { kind: 'lost-response' } }),
    contents: async () =>
      new Map([...server.contents.objects].map(([key, { data }]: [string, { data: Buffer }]) => [key, data])),
    close: () => server.close(),
  };
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
