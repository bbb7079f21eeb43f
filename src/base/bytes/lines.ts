/** Text files read a line at a time, in bounded memory. */
import { pieceBounds } from '../bounds.ts';
import { StringDecoder } from 'node:string_decoder';
import { WalvaultError } from '../errors/errors.ts';
import type { ByteStream } from './streams.ts';

const limitLength = pieceBounds.line.limitBytes;

/**
 * Lines of UTF-8 text, without their newline. The last line must end with a newline as well.
 * @param name names the text in errors
 * @throws WalvaultError `damaged` for a line of more than 64 Ki characters, and at an end inside a line
 */
export async function* readLines(source: ByteStream, name: string): AsyncGenerator<string> {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  for await (const chunk of source) {
    const text = rest + decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    let start = 0;
    for (let end = text.indexOf('\n', start); end !== -1; end = text.indexOf('\n', start)) {
      yield refuseLong(text.slice(start, end), name);
      start = end + 1;
    }
    rest = refuseLong(text.slice(start), name);
  }
  if (rest !== '') throw new WalvaultError('damaged', `${name} ends inside a line`);
}

function refuseLong(line: string, name: string): string {
  if (line.length <= limitLength) return line;
  throw new WalvaultError('damaged', `${name} has a line of excessive length`);
}
