/** A reader of our own for the answer to a request of the SDK: the SDK reads what it does not take. */
import type { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { release } from '../../base/bytes/streams.ts';

/** The SDK's answer of HTTP, as far as it is used here. */
interface HttpAnswer {
  readonly statusCode: number;
  body: AsyncIterable<Uint8Array> | Uint8Array;
}

/** What the SDK is given in the place of a text that was taken. */
const emptyPage = Buffer.from('<ListBucketResult></ListBucketResult>');

/**
 * Has `read` look at the text of a good answer to the command before the SDK does. The result gives what `read` made of it,
 * once the command was sent; undefined if that was nothing, when the SDK has read the text, and met its errors.
 */
export function readAnswerFirst<T extends object>(
  command: ListObjectsV2Command,
  read: (text: string) => T | undefined,
): () => T | undefined {
  let taken: T | undefined;
  command.middlewareStack.add(
    next => async call => {
      const result = await next(call);
      const answer = result.response as HttpAnswer;
      if (answer.statusCode !== 200) return result;
      const bytes = await wholeOf(answer.body);
      taken = read(bytes.toString('utf8'));
      answer.body = taken === undefined ? bytes : emptyPage;
      // Garbage outside the heap hardly makes V8 collect it.
      if (taken !== undefined) release(bytes);
      return result;
    },
    // Of all readers of the answer, this is the first.
    { step: 'deserialize', priority: 'low', name: 'readAnswerFirst' },
  );
  return () => taken;
}

/** `bounded-answers.ts` limits how much it can be. */
async function wholeOf(body: HttpAnswer['body']): Promise<Buffer> {
  return body instanceof Uint8Array ? Buffer.from(body) : Buffer.concat(await Array.fromAsync(body));
}
