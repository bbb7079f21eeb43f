/** Repositories in the hands of an attacker who may write there, and has no key of the archive. */

export interface HostileRepository {
  /** The keys that begin with the prefix, by their bytes. */
  keys(prefix: string): string[];
  read(key: string): Buffer;
  metadataOf(key: string): Readonly<Record<string, string>>;
  /** Adds the object, or replaces it, with the metadata. */
  put(key: string, body: Uint8Array | string, metadata?: Readonly<Record<string, string>>): void;
  remove(key: string): void;
  /** Remembers everything that is there; the answer puts it back, and takes away what was added since. */
  save(): () => void;
}

/** Puts the object in the place of another, or beside it, with its metadata: what whoever reads the repository has, too. */
export function move(repository: HostileRepository, from: string, to: string): void {
  repository.put(to, repository.read(from), repository.metadataOf(from));
}

/** Changes one byte in the middle of the object, and leaves its metadata as it was. */
export function flip(repository: HostileRepository, key: string): void {
  const body = Buffer.from(repository.read(key));
  const middle = body.length >> 1;
  body[middle] = (body[middle] ?? 0) ^ 0x40;
  repository.put(key, body, repository.metadataOf(key));
}
