/** What a server's databases hold, as text that a restored copy must give again, word by word. */
import type { PostgresServer } from '../servers/postgres-server.ts';
import type { PostgresTools } from '../servers/postgres-tools.ts';

/** By its catalogues and rows, and by `pg_dumpall` if that is not older than the server. */
export async function dumpOf(server: PostgresServer, tools: PostgresTools): Promise<string> {
  const contents = await contentsOf(server);
  if (tools.major < (await majorOf(server))) return contents;
  const dump = await tools.run('pg_dumpall', [], server);
  // Dumps of today begin and end with a random word.
  return contents + dump.replaceAll(/^\\(?:un)?restrict .*\n/gm, '');
}

export async function majorOf(server: PostgresServer): Promise<number> {
  const [row] = await server.query<{ server_version_num: string }>('show server_version_num');
  return Math.floor(Number(row?.server_version_num) / 10_000);
}

async function contentsOf(server: PostgresServer): Promise<string> {
  const databases = await server.query<{ name: string }>(
    'select datname as name from pg_database where datallowconn order by datname',
  );
  const texts: string[] = [];
  for (const { name } of databases)
    texts.push(`database ${name}`, ...(await contentsOfDatabase(server, name)));
  return `${texts.join('\n')}\n`;
}

/** By its catalogues and rows. */
export async function contentsOfDatabase(
  server: Pick<PostgresServer, 'connect'>,
  database: string,
): Promise<string[]> {
  const client = await server.connect(database);
  try {
    const linesOf = async (sql: string) => {
      const { rows } = await client.query<{ line: string }>(sql);
      return rows.map(({ line }) => line);
    };
    const texts: string[] = [];
    for (const sql of [columns, indexes, constraints]) texts.push(...(await linesOf(sql)));
    for (const table of await linesOf(tables))
      texts.push(
        table,
        ...(await linesOf(`select t::text as line from (select * from ${table}) t order by 1`)),
      );
    return texts;
  } finally {
    await client.end();
  }
}

const own = `n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')`;

const columns = `
  select format('%s %s %s %s %s', c.oid::regclass, c.relkind, a.attname, format_type(a.atttypid, a.atttypmod),
                pg_get_expr(d.adbin, d.adrelid)) as line
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  where ${own} order by c.oid, a.attnum`;

const indexes = `
  select pg_get_indexdef(c.oid) as line from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where ${own} and c.relkind in ('i', 'I') order by c.oid`;

/** FirstNormalObjectId (transam.h): the others came with the server. */
const constraints = `
  select format('%s %s', conname, pg_get_constraintdef(oid)) as line from pg_constraint where oid >= 16384 order by oid`;

const tables = `
  select format('%I.%I', n.nspname, c.relname) as line
  from pg_class c join pg_namespace n on n.oid = c.relnamespace
  where ${own} and c.relkind in ('r', 'm', 'S') order by 1`;
