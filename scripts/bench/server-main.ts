/** The process of the server that the drivers talk to. */
import { createServer as createHttp } from 'node:http';
import { createServer as createHttps } from 'node:https';
import type { AddressInfo } from 'node:net';
import { makeCertificates } from '../../test/support/servers/certificates.ts';
import { contentOf } from './content.ts';
import { createSink } from './sink.ts';

const [scheme = 'http', sizeBytes = '0'] = process.argv.slice(2);
const listener = createSink(contentOf(Number(sizeBytes)));
const server = scheme === 'https' ? createHttps(makeCertificates(), listener) : createHttp(listener);
server.listen(0, '127.0.0.1', () => {
  process.send?.(`${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
process.once('disconnect', () => process.exit(0));
