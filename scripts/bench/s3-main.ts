/** The process of an S3 server over TLS: the tests' imitation or the lean server. It answers its parent's questions. */
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { makeCertificates } from '../../test/support/servers/certificates.ts';
import { Bucket } from '../../test/support/servers/s3/buckets.ts';
import { startS3Server } from '../../test/support/servers/s3/server.ts';
import { createLeanS3, isBackupDataKey, isSegmentKey } from './lean-s3.ts';

export interface S3Address {
  /** Of a repository on it. */
  readonly url: string;
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly caFile: string;
}

export type S3Kind = 'imitation' | 'lean';

/** `forget` empties the bucket of segments; both answer with the milliseconds of processor time used so far. */
export type S3Question = 'forget' | 'cpu';

const { caFile, key, cert } = makeCertificates();
const kind = process.argv[2] as S3Kind;
const { contents, ...address } = await (kind === 'lean' ? startLean() : startImitation());
process.send?.({ ...address, caFile } satisfies S3Address);
process.on('message', (question: S3Question) => {
  if (question === 'forget')
    for (const name of contents.objects.keys())
      if (isSegmentKey(name) || isBackupDataKey(name)) contents.objects.delete(name);
  const { user, system } = process.cpuUsage();
  process.send?.((user + system) / 1000);
});
process.once('disconnect', () => process.exit(0));

async function startImitation() {
  const server = await startS3Server({ tls: { key, cert } });
  const { url, endpoint, bucket, region, accessKeyId, secretAccessKey, contents } = server;
  return { url, endpoint, bucket, region, accessKeyId, secretAccessKey, contents };
}

async function startLean() {
  const contents = new Bucket(5 * 1024 ** 2);
  const server = createServer({ key, cert }, createLeanS3(contents));
  server.keepAliveTimeout = 0;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const [bucket, region] = ['bench', 'us-east-1'];
  const query = `region=${region}&endpoint=${encodeURIComponent(endpoint)}&path-style=true`;
  const url = `s3://${bucket}/repository?${query}`;
  return { url, endpoint, bucket, region, accessKeyId: 'AKIABENCH', secretAccessKey: 'bench', contents };
}
