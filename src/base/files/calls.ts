/**
 * The calls to the file system, for code that a command runs as well as a thread of the agent. Usually Node's thread pool
 * makes them, so that a disk that hangs blocks nothing else. A thread that has nothing else to do meanwhile makes them
 * itself (`callDirectly`): each hop to the pool and back is two sleeps and two wake-ups, and a push is some forty calls.
 */
import fs, { type BigIntStats, type Dirent, type Stats } from 'node:fs';
import pooled from 'node:fs/promises';

/** An open file; a `FileHandle` is one. */
export interface OpenFile extends AsyncDisposable {
  readonly fd: number;
  stat(): Promise<Stats>;
  stat(options: BigInts): Promise<BigIntStats>;
  /** At the file's own position if `position` is null. */
  read(buffer: Uint8Array, offset: number, length: number, position: number | null): Promise<BytesRead>;
  /** At the file's own position if `position` is null. */
  write(buffer: Uint8Array, offset: number, length: number, position: number | null): Promise<BytesWritten>;
  writeFile(data: Uint8Array | string): Promise<void>;
  truncate(sizeBytes: number): Promise<void>;
  sync(): Promise<void>;
  chmod(mode: number): Promise<void>;
  chown(uid: number, gid: number): Promise<void>;
  close(): Promise<void>;
}

interface BytesRead {
  readonly bytesRead: number;
}

interface BytesWritten {
  readonly bytesWritten: number;
}

interface BigInts {
  readonly bigint: true;
}

/** Of this thread: each has its own modules. */
let isDirect = false;

/** From now on this thread makes the calls itself: nothing else runs in it while one of them hangs. */
export function callDirectly(isWanted = true): void {
  isDirect = isWanted;
}

export async function open(path: string, flags: string | number, mode?: number): Promise<OpenFile> {
  return isDirect ? openDirectly(path, flags, mode) : await pooled.open(path, flags, mode);
}

/** Makes the calls itself in any thread: for very many small ones to pages that are in memory. */
export function openDirectly(path: string, flags: string | number, mode?: number): OpenFile {
  return new DirectFile(fs.openSync(path, flags, mode));
}

export async function stat(path: string): Promise<Stats>;
export async function stat(path: string, options: BigInts): Promise<BigIntStats>;
export async function stat(path: string, options?: BigInts): Promise<Stats | BigIntStats> {
  if (!isDirect) return await pooled.stat(path, options);
  return options === undefined ? fs.statSync(path) : fs.statSync(path, options);
}

export async function lstat(path: string): Promise<Stats> {
  return isDirect ? fs.lstatSync(path) : await pooled.lstat(path);
}

export async function readdir(path: string): Promise<string[]> {
  return isDirect ? fs.readdirSync(path) : await pooled.readdir(path);
}

export async function readEntries(path: string): Promise<Dirent[]> {
  const options = { withFileTypes: true } as const;
  return isDirect ? fs.readdirSync(path, options) : await pooled.readdir(path, options);
}

export async function readlink(path: string): Promise<string> {
  return isDirect ? fs.readlinkSync(path) : await pooled.readlink(path);
}

export async function realpath(path: string): Promise<string> {
  return isDirect ? fs.realpathSync.native(path) : await pooled.realpath(path);
}

export async function link(path: string, newPath: string): Promise<void> {
  await (isDirect ? fs.linkSync(path, newPath) : pooled.link(path, newPath));
}

export async function rename(path: string, newPath: string): Promise<void> {
  await (isDirect ? fs.renameSync(path, newPath) : pooled.rename(path, newPath));
}

export async function unlink(path: string): Promise<void> {
  await (isDirect ? fs.unlinkSync(path) : pooled.unlink(path));
}

/** Removes a file that may not be there. */
export async function removeIfThere(path: string): Promise<void> {
  const options = { force: true };
  await (isDirect ? fs.rmSync(path, options) : pooled.rm(path, options));
}

export async function mkdir(path: string, mode: number): Promise<void> {
  await (isDirect ? fs.mkdirSync(path, { mode }) : pooled.mkdir(path, { mode }));
}

export async function rmdir(path: string): Promise<void> {
  await (isDirect ? fs.rmdirSync(path) : pooled.rmdir(path));
}

class DirectFile implements OpenFile {
  fd: number;

  constructor(fd: number) {
    this.fd = fd;
  }

  async stat(): Promise<Stats>;
  async stat(options: BigInts): Promise<BigIntStats>;
  async stat(options?: BigInts): Promise<Stats | BigIntStats> {
    return fs.fstatSync(this.fd, options);
  }

  async read(buffer: Uint8Array, offset: number, length: number, position: number | null) {
    return { bytesRead: fs.readSync(this.fd, buffer, offset, length, position) };
  }

  async write(buffer: Uint8Array, offset: number, length: number, position: number | null) {
    return { bytesWritten: fs.writeSync(this.fd, buffer, offset, length, position) };
  }

  async writeFile(data: Uint8Array | string): Promise<void> {
    fs.writeFileSync(this.fd, data);
  }

  async truncate(sizeBytes: number): Promise<void> {
    fs.ftruncateSync(this.fd, sizeBytes);
  }

  async sync(): Promise<void> {
    fs.fsyncSync(this.fd);
  }

  async chmod(mode: number): Promise<void> {
    fs.fchmodSync(this.fd, mode);
  }

  async chown(uid: number, gid: number): Promise<void> {
    fs.fchownSync(this.fd, uid, gid);
  }

  /** A second call does nothing, as that of a `FileHandle`. */
  async close(): Promise<void> {
    if (this.fd < 0) return;
    const { fd } = this;
    // Another file may get its number.
    this.fd = -1;
    fs.closeSync(fd);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
