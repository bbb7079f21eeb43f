/** The tests' imitation of S3 over TLS, in a process of its own. Any message empties the archive of its segments. */
import { makeCertificates } from '../../test/harness/certificates.ts';
import { startS3Server } from '../../test/harness/s3-server.ts';

const { caFile, key, cert } = makeCertificates();
const { url, accessKeyId, secretAccessKey, contents } = await startS3Server({ tls: { key, cert } });
process.send?.({ url, accessKeyId, secretAccessKey, caFile });
process.on('message', () => {
  for (const name of contents.objects.keys()) if (name.includes('/wal/')) contents.objects.delete(name);
  process.send?.('done');
});
process.once('disconnect', () => process.exit(0));
