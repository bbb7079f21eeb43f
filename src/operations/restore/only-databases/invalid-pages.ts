/**
 * The pages that WAL changed and that were not there, as a server with `ignore_invalid_pages` names them in its log
 * (report_invalid_page in xlogutils.c). Of a placeholder they are expected; of any other file they are damage.
 */
import { createReadStream } from 'node:fs';
import { localIoError } from '../../../base/errors/errors.ts';
import { databaseOf } from '../../../postgres/cluster/database-path.ts';

export interface InvalidPage {
  readonly page: number;
  /** The file of the relation's fork, as the server has it: `base/16384/16390`, `global/1260`, `…_vm`. */
  readonly relation: string;
  /** Undefined for a relation of the whole cluster. */
  readonly database: number | undefined;
}

export interface InvalidPages {
  /** Of placeholders. */
  readonly expected: number;
  /** Of all others. */
  readonly unexpected: number;
  /** The first of the others. */
  readonly named: readonly InvalidPage[];
}

const namedPages = 5;
/** What a line says stands at its beginning, behind the prefix of the log. */
const longestLine = 4096;
const pattern = /page (\d{1,10}) of relation (\S{1,512}) (?:does not exist|is uninitialized)/;

/** Undefined for a line that names no such page. English only: the server was started with `lc_messages = C`. */
export function parseInvalidPage(line: string): InvalidPage | undefined {
  const [, page, relation] = pattern.exec(line) ?? [];
  if (page === undefined || relation === undefined) return undefined;
  return { page: Number(page), relation, database: databaseOf(relation) };
}

/**
 * Counts the pages that a log names, in constant memory.
 * @param isExpected whether pages of this database may be missing
 * @throws WalvaultError `local-io`
 */
export async function readInvalidPages(
  logPath: string,
  isExpected: (database: number) => boolean,
): Promise<InvalidPages> {
  const found = { expected: 0, unexpected: 0, named: [] as InvalidPage[] };
  for await (const line of linesOf(logPath)) {
    const invalid = parseInvalidPage(line);
    if (invalid === undefined) continue;
    const { database } = invalid;
    if (database !== undefined && isExpected(database)) found.expected++;
    else if (found.unexpected++ < namedPages) found.named.push(invalid);
  }
  return found;
}

async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = '';
  try {
    for await (const chunk of createReadStream(path, 'latin1')) {
      const lines = `${rest}${String(chunk)}`.split('\n');
      rest = (lines.pop() ?? '').slice(0, longestLine);
      yield* lines;
    }
    yield rest;
  } catch (error) {
    throw localIoError('read', path, error);
  }
}
