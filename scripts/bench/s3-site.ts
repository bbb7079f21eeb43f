/** An installation on S3 over TLS, with the server in a separate process, so that its processor time counts alone. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createSite, type Site } from '../../test/support/site/site.ts';
import { secretFile } from '../../test/support/site/store-site.ts';
import type { S3Address, S3Kind, S3Question } from './s3-main.ts';

export interface S3Site extends AsyncDisposable {
  readonly site: Site;
  readonly address: S3Address;
  /** Removes the segments, so that the next push stores its segment again. */
  forget(): Promise<void>;
  /** What the server has used since it was started. */
  serverCpuMs(): Promise<number>;
}

export async function startS3Site(kind: S3Kind): Promise<S3Site> {
  const server = fork(resolve(import.meta.dirname, 's3-main.ts'), [kind]);
  const [address] = (await once(server, 'message')) as [S3Address];
  const { url, accessKeyId, secretAccessKey, caFile } = address;
  const secretPath = secretFile('s3-secret', secretAccessKey);
  const keys = ['--access-key-id', accessKeyId, '--secret-access-key-file', secretPath];
  const site = await createSite({ initArgs: [...keys, '--ca-file', caFile], repositoryUrl: () => url });
  const ask = async (question: S3Question): Promise<number> => {
    const answered = once(server, 'message');
    server.send(question);
    const [cpuMs] = (await answered) as [number];
    return cpuMs;
  };
  return {
    site,
    address,
    forget: async () => void (await ask('forget')),
    serverCpuMs: () => ask('cpu'),
    async [Symbol.asyncDispose]() {
      const ended = once(server, 'exit');
      server.disconnect();
      await ended;
    },
  };
}
