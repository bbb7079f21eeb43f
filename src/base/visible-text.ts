/**
 * Foreign text made safe to show: a label, a note, a name in a store or an error of a service may hold what moves a
 * terminal's cursor, turns the direction of writing, or begins a line that looks like our own.
 */

/** Control and format characters (Unicode, general categories Cc, Cf, Zl, Zp) and halves of surrogate pairs. */
const hidden = /\r\n|[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/**
 * Text of several lines of our own: all but tabs and the ends of lines is escaped as in JSON, so that JSON stays the same
 * JSON, and CSV the same CSV.
 */
export function visibleLines(text: string): string {
  return text.replaceAll(hidden, character =>
    character === '\n' || character === '\r\n' || character === '\t' ? character : escaped(character),
  );
}

/** Text that is a part of one line: line breaks become blanks. */
export function visibleText(text: string): string {
  if (!text.includes('\n')) return visibleLines(text);
  // No expression for the blanks around a line feed: it takes the square of their number.
  const [first = '', ...rest] = text.split('\n');
  const last = rest.pop() ?? '';
  const between = rest.map(line => line.trim()).filter(line => line !== '');
  return visibleLines([first.trimEnd(), ...between, last.trimStart()].join(' '));
}

function escaped(character: string): string {
  return character
    .split('')
    .map(unit => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}

/**
 * A view of a value in which every text is `visibleText`, however deep it lies. Nothing is copied: what is not looked at
 * costs nothing.
 */
export function visibleView<T>(value: T): T {
  return viewOf(value) as T;
}

function viewOf(value: unknown): unknown {
  if (typeof value === 'string') return visibleText(value);
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  // Not the value itself: a proxy must show the fields of a frozen target as they are.
  const stand: object = Array.isArray(value) ? [] : (Object.create(Object.getPrototypeOf(value)) as object);
  return new Proxy(stand, {
    get(_, name) {
      const found: unknown = Reflect.get(value, name);
      if (typeof found !== 'function' || Array.isArray(value)) return viewOf(found);
      // A method may need the fields that only its own object has.
      return (...given: unknown[]): unknown => viewOf(Reflect.apply(found, value, given));
    },
    has: (_, name) => Reflect.has(value, name),
    ownKeys: () => Reflect.ownKeys(value),
    getOwnPropertyDescriptor(_, name) {
      const descriptor = Reflect.getOwnPropertyDescriptor(value, name);
      if (descriptor === undefined || (Array.isArray(value) && name === 'length')) return descriptor;
      return {
        value: viewOf(Reflect.get(value, name)),
        configurable: true,
        writable: false,
        enumerable: descriptor.enumerable === true,
      };
    },
  });
}
