/** The objects of the S3 imitation, and the rules for their changes: no HTTP here. */
import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

export interface S3Object {
  data: Buffer;
  readonly etag: string;
  readonly modified: Date;
  readonly metadata: Readonly<Record<string, string>>;
  readonly checksum: { readonly crc32: string; readonly type: 'FULL_OBJECT' | 'COMPOSITE' };
  storageClass: string;
  /** Of one in an archive class: whether a copy was asked for, and is there. */
  thaw?: 'ongoing' | 'done';
}

export interface Upload {
  readonly key: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly hasChecksums: boolean;
  readonly storageClass: string;
  initiated: Date;
  readonly parts: Map<number, { readonly data: Buffer; readonly etag: string; readonly crc32: string }>;
}

export interface CompletedPart {
  readonly number: number;
  readonly etag: string;
  readonly crc32: string | undefined;
}

export class S3Failure extends Error {
  readonly status: number;
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Further elements of the answer. */
  readonly details: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: string,
    headers: Readonly<Record<string, string>> = {},
    details: Readonly<Record<string, string>> = {},
  ) {
    super(`${code} (from the imitation)`);
    this.details = details;
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

export class Bucket {
  readonly objects = new Map<string, S3Object>();
  readonly uploads = new Map<string, Upload>();
  /** Keys whose newest version is a delete marker. */
  readonly deleteMarkers = new Set<string>();
  readonly #minPartBytes: number;

  constructor(minPartBytes: number) {
    this.#minPartBytes = minPartBytes;
  }

  find(key: string): S3Object {
    const object = this.objects.get(key);
    if (object !== undefined) return object;
    const isMarked = this.deleteMarkers.has(key);
    throw new S3Failure(404, 'NoSuchKey', isMarked ? { 'x-amz-delete-marker': 'true' } : {});
  }

  put(
    key: string,
    object: { data: Buffer; metadata: Record<string, string>; storageClass: string },
    ifNoneMatch: boolean,
  ): S3Object {
    if (ifNoneMatch && this.objects.has(key)) throw new S3Failure(412, 'PreconditionFailed');
    const etag = md5(object.data);
    const checksum = { crc32: base64Crc32(object.data), type: 'FULL_OBJECT' } as const;
    return this.#keep(key, { ...object, etag, checksum });
  }

  createUpload(
    key: string,
    upload: { metadata: Record<string, string>; storageClass: string; hasChecksums: boolean },
  ): string {
    const id = randomBytes(16).toString('hex');
    this.uploads.set(id, { key, ...upload, initiated: new Date(), parts: new Map() });
    return id;
  }

  upload(id: string): Upload {
    const upload = this.uploads.get(id);
    if (upload === undefined) throw new S3Failure(404, 'NoSuchUpload');
    return upload;
  }

  putPart(id: string, number: number, data: Buffer): string {
    if (!(number >= 1 && number <= 10_000)) throw new S3Failure(400, 'InvalidArgument');
    const etag = md5(data);
    this.upload(id).parts.set(number, { data, etag, crc32: base64Crc32(data) });
    return etag;
  }

  completeUpload(id: string, parts: readonly CompletedPart[], ifNoneMatch: boolean): S3Object {
    const upload = this.upload(id);
    if (parts.length === 0) throw new S3Failure(400, 'MalformedXML');
    const chosen = parts.map(({ number, etag, crc32 }, index) => {
      const part = upload.parts.get(number);
      if (index > 0 && number <= (parts[index - 1]?.number ?? 0))
        throw new S3Failure(400, 'InvalidPartOrder');
      if (part === undefined || part.etag !== etag) throw new S3Failure(400, 'InvalidPart');
      if (upload.hasChecksums && crc32 === undefined) throw new S3Failure(400, 'InvalidRequest');
      if (crc32 !== undefined && crc32 !== part.crc32) throw new S3Failure(400, 'InvalidPart');
      if (index < parts.length - 1 && part.data.length < this.#minPartBytes)
        throw new S3Failure(400, 'EntityTooSmall');
      return part;
    });
    if (ifNoneMatch && this.objects.has(upload.key)) throw new S3Failure(412, 'PreconditionFailed');
    this.uploads.delete(id);
    const composite = Buffer.concat(chosen.map(part => Buffer.from(part.crc32, 'base64')));
    return this.#keep(upload.key, {
      data: Buffer.concat(chosen.map(part => part.data)),
      metadata: upload.metadata,
      storageClass: upload.storageClass,
      etag: `${md5(Buffer.concat(chosen.map(part => Buffer.from(part.etag, 'hex'))))}-${chosen.length}`,
      checksum: { crc32: `${base64Crc32(composite)}-${chosen.length}`, type: 'COMPOSITE' },
    });
  }

  /** `isNextPage`: `after` is where a page ended, not what the client asked to start after. */
  list(request: { prefix: string; after: string; delimiter: string; limit: number; isNextPage: boolean }) {
    const { prefix, after, delimiter, limit, isNextPage } = request;
    const contents: { key: string; object: S3Object }[] = [];
    const prefixes: string[] = [];
    let last = '';
    for (const key of [...this.objects.keys()].sort()) {
      if (!key.startsWith(prefix) || key <= after) continue;
      const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
      const group = cut === -1 ? undefined : key.slice(0, cut + delimiter.length);
      // A page may end inside a group: the rest of it is not shown again on the next.
      if (group !== undefined && (prefixes.at(-1) === group || (isNextPage && after.startsWith(group)))) {
        last = key;
        continue;
      }
      if (contents.length + prefixes.length === limit) return { contents, prefixes, next: last };
      if (group !== undefined) prefixes.push(group);
      else contents.push({ key, object: this.find(key) });
      last = key;
    }
    return { contents, prefixes, next: undefined };
  }

  /** As a lifecycle rule does. */
  freeze(keys: RegExp, storageClass: string): void {
    for (const [key, object] of this.objects) if (keys.test(key)) object.storageClass = storageClass;
  }

  /** What was asked for by now is there. */
  finishThawing(): void {
    for (const object of this.objects.values()) if (object.thaw === 'ongoing') object.thaw = 'done';
  }

  #keep(key: string, object: Omit<S3Object, 'modified'>): S3Object {
    const kept: S3Object = { ...object, modified: new Date() };
    this.objects.set(key, kept);
    this.deleteMarkers.delete(key);
    return kept;
  }
}

export function isFrozen({ storageClass, thaw }: S3Object): boolean {
  return isArchiveClass(storageClass) && thaw !== 'done';
}

export function isArchiveClass(storageClass: string): boolean {
  return ['GLACIER', 'DEEP_ARCHIVE'].includes(storageClass);
}

export function base64Crc32(data: Uint8Array): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32(data));
  return bytes.toString('base64');
}

function md5(data: Uint8Array): string {
  return createHash('md5').update(data).digest('hex');
}
