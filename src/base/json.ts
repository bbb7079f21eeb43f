/**
 * JSON from outside. A megabyte of brackets takes a hundred once it is parsed, and a second: text in which values lie
 * closer together than in anything that is written as JSON is refused before.
 */
import { countBounds } from './bounds.ts';

/** Beside `countBounds.jsonValues`. A part in a commit record has four values in 200 bytes. */
const charactersForEach = 16;

/** @throws SyntaxError for text that is not JSON, and for more values than its length allows */
export function parseJson(text: string): unknown {
  const most = countBounds.jsonValues.limit + Math.floor(text.length / charactersForEach);
  if (text.length > most && hasMoreValues(text, most))
    throw new SyntaxError('more values than there can be in so much JSON');
  return JSON.parse(text);
}

const [quote, comma, backslash, bracket, brace] = ['"', ',', '\\', '[', '{'].map(each => each.charCodeAt(0));

/** Each value but the first follows a comma or an opening bracket; those inside strings mean nothing. */
function hasMoreValues(text: string, most: number): boolean {
  let values = 1;
  let isInString = false;
  for (let index = 0; index < text.length && values <= most; index++) {
    const code = text.charCodeAt(index);
    if (code === quote) isInString = !isInString;
    else if (isInString) {
      if (code === backslash) index++;
    } else if (code === comma || code === bracket || code === brace) values++;
  }
  return values > most;
}
