/**
 * The limit on answers of services: pages of listings, errors, tokens. SDKs hold such an answer in memory, whatever its
 * size. The content of an object has no limit here: its reader knows how much there may be.
 */
import type { Agent as HttpAgent, ClientRequest, IncomingMessage } from 'node:http';
import { answerBounds } from '../../base/bounds.ts';

/** True for a request whose answer, if it is a good one, is the content of an object. */
export type IsDownload = (request: Pick<ClientRequest, 'method' | 'path'>) => boolean;

/** Node calls it for each request (`_http_client.js`); its types lack it. */
interface RequestTaker {
  addRequest(request: ClientRequest, ...rest: readonly unknown[]): void;
}

/** Cuts the connection of an answer that is larger than any can be: the request fails as if it had been lost. */
export function boundAnswers(agent: HttpAgent, isDownload: IsDownload): void {
  const taker = agent as unknown as RequestTaker;
  const add = taker.addRequest.bind(agent);
  taker.addRequest = (request, ...rest) => {
    request.prependOnceListener('response', (answer: IncomingMessage) => {
      const isGood = answer.statusCode === 200 || answer.statusCode === 206;
      if (isGood && isDownload(request)) return;
      bound(answer, isGood ? answerBounds.answer.limitBytes : answerBounds.refusal.limitBytes);
    });
    add(request, ...rest);
  };
}

function bound(answer: IncomingMessage, limitBytes: number): void {
  const push = answer.push.bind(answer);
  let sizeBytes = 0;
  answer.push = (chunk: Uint8Array | null, encoding?: BufferEncoding) => {
    sizeBytes += chunk?.length ?? 0;
    if (sizeBytes <= limitBytes) return push(chunk, encoding);
    answer.destroy(new Error(`an answer of more than ${limitBytes} bytes`));
    return false;
  };
}
