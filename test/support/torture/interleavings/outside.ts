/**
 * What lies outside the repository and is root's: an archive of its own by the same names, with junk of dead writers,
 * and secrets. Nothing that anybody does to the repository may change or show any of it.
 */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { copyDirectory } from '../../site/copy-directory.ts';

/** In each file there that no reader needs. */
export const secret = 'outside-secret-e0f4b1c2';

const longAgo = new Date('2020-01-01T00:00:00Z');

/** Makes `directory/archive`, a copy of `repository` for root alone, and `directory/secret`. */
export function makeOutside(directory: string, repository: string): void {
  mkdirSync(directory, { mode: 0o755 });
  writeFileSync(join(directory, 'secret'), `${secret}\n`, { mode: 0o600 });
  mkdirSync(join(directory, 'empty'), { mode: 0o755 });
  copyDirectory(repository, join(directory, 'archive'));
  takeOver(join(directory, 'archive'));
}

/** Root's: its user may walk through the directories, and read no file. */
function takeOver(directory: string): void {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) {
      takeOver(path);
      continue;
    }
    const bytes = isSecret(path) ? `${secret} ${path}\n` : readFileSync(path);
    writeFileSync(path, bytes);
    chownSync(path, 0, 0);
    chmodSync(path, 0o600);
  }
  for (const name of ['.0123456789abcdef.walvault-tmp', 'gone.0123456789abcdef.meta']) {
    writeFileSync(join(directory, name), secret, { mode: 0o600 });
    utimesSync(join(directory, name), longAgo, longAgo);
  }
  chownSync(directory, 0, 0);
  chmodSync(directory, 0o755);
}

/** Records and notes stay as they are: a reader that believes them goes on to what they name. */
function isSecret(path: string): boolean {
  return /\/(wal|parts)\//.test(path) && !basename(path).endsWith('.meta');
}

/** Each path with all that can be seen of it but the time of the last reading. */
export function pictureOf(directory: string): ReadonlyMap<string, string> {
  const picture = new Map<string, string>();
  const look = (path: string) => {
    const { mode, uid, gid, nlink, size, mtimeNs, ctimeNs } = lstatSync(path, { bigint: true });
    const facts = [mode.toString(8), uid, gid, nlink, size, mtimeNs, ctimeNs].join(' ');
    const type = Number(mode & 0o170000n);
    if (type === 0o100000) {
      picture.set(path, `${facts} ${createHash('sha256').update(readFileSync(path)).digest('hex')}`);
      return;
    }
    picture.set(path, type === 0o120000 ? `${facts} ${readlinkSync(path)}` : facts);
    if (type === 0o040000) for (const name of readdirSync(path)) look(join(path, name));
  };
  look(directory);
  return picture;
}

/** What has changed, in words; empty if nothing has. */
export function changesOf(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  const changes: string[] = [];
  for (const [path, facts] of before) {
    const now = after.get(path);
    if (now === undefined) changes.push(`${path} is gone`);
    else if (now !== facts) changes.push(`${path} was ${facts} and is ${now}`);
  }
  for (const path of after.keys()) if (!before.has(path)) changes.push(`${path} is new`);
  return changes;
}
