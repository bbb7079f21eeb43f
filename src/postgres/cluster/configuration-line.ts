/** One line of `postgresql.conf` (guc-file.l): a name, an optional `=`, a value, a comment. */

export interface ConfigurationLine {
  /** In lower case: names are case-insensitive. */
  readonly name: string;
  readonly value: string;
}

/** Names that include other files, which look like settings. */
export const includeDirectives: ReadonlySet<string> = new Set([
  'include',
  'include_if_exists',
  'include_dir',
]);

const lineForm =
  /^\s*([A-Za-z_\u0080-\u{10ffff}][\w$.\u0080-\u{10ffff}]*)(?:\s*=\s*|\s+|(?='))(?:'((?:[^'\\\n]|\\.|'')*)'|([^\s#'=][^\s#']*))\s*(?:#.*)?$/u;

/** The setting of a line; undefined for comments, empty lines, and what PostgreSQL does not take. */
export function parseConfigurationLine(line: string): ConfigurationLine | undefined {
  const match = lineForm.exec(line);
  if (match === null) return undefined;
  const [, name = '', quoted, bare = ''] = match;
  return { name: name.toLowerCase(), value: quoted === undefined ? bare : unescape(quoted) };
}

const escapes: Readonly<Record<string, string>> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t' };

/** DeescapeQuotedString in guc-file.l: doubled quotes, C escapes, octal numbers; any other `\x` is `x`. */
function unescape(text: string): string {
  return text.replaceAll(/''|\\([0-7]{1,3}|.)/g, (_, escaped: string | undefined) => {
    if (escaped === undefined) return "'";
    if (/^[0-7]/.test(escaped)) return String.fromCharCode(Number.parseInt(escaped, 8) & 0xff);
    return escapes[escaped] ?? escaped;
  });
}
