/** The tests' imitation of S3 over TLS, in a process of its own, with two questions that it answers its parent. */
import { makeCertificates } from '../../test/harness/certificates.ts';
import { startS3Server } from '../../test/harness/s3-server.ts';

export interface S3Address {
  readonly url: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly caFile: string;
}

/** `forget` empties the archive of its segments; both answer with the milliseconds of processor time used so far. */
export type S3Question = 'forget' | 'cpu';

const { caFile, key, cert } = makeCertificates();
const { url, accessKeyId, secretAccessKey, contents } = await startS3Server({ tls: { key, cert } });
const address: S3Address = { url, accessKeyId, secretAccessKey, caFile };
process.send?.(address);
process.on('message', (question: S3Question) => {
  if (question === 'forget')
    for (const name of contents.objects.keys()) if (name.includes('/wal/')) contents.objects.delete(name);
  const { user, system } = process.cpuUsage();
  process.send?.((user + system) / 1000);
});
process.once('disconnect', () => process.exit(0));
