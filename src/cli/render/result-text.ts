/** The text of a result: only what has passed here, or is JSON, can be printed (`Invocation`). */
import { visibleView } from '../../base/visible-text.ts';

declare const isShowable: unique symbol;

/** Text without foreign control characters, in which every line is one of ours. */
export type ResultText = string & { readonly [isShowable]: true };

/** Renders a value in which no text can do more than be read. */
export function rendered<T>(render: (value: T) => string, value: T): ResultText {
  return render(visibleView(value)) as ResultText;
}

/** JSON by itself has no line of another's making; the output escapes the rest (`visibleLines`). */
export function renderedJson(json: string): ResultText {
  return json as ResultText;
}
