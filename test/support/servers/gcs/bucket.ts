/** The objects of the Cloud Storage imitation, and the rules for their changes: no HTTP here. */
import { randomBytes } from 'node:crypto';
import { crc32c } from '../../../../src/base/checksum/crc32c.ts';

export interface GcsObject {
  data: Buffer;
  readonly generation: string;
  readonly updated: Date;
  readonly metadata: Readonly<Record<string, string>>;
  readonly storageClass: string;
  readonly crc32c: string;
}

/** What a client says about an object that it creates (the Objects resource of the JSON API). */
export interface NewObject {
  readonly name: string;
  readonly metadata?: Record<string, string>;
  readonly storageClass?: string;
  readonly crc32c?: string;
}

export interface Upload {
  readonly resource: NewObject;
  readonly ifGenerationMatch: string | undefined;
  readonly received: Buffer[];
  receivedBytes: number;
  result: GcsObject | undefined;
}

export class GcsFailure extends Error {
  readonly status: number;
  /** The reason of the JSON API or the code of the XML API. */
  readonly code: string;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: string,
    message = `${code} (from the imitation)`,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
    this.status = status;
    this.code = code;
    this.headers = headers;
  }
}

/** A chunk but the last must be a multiple of this ("Resumable uploads"). */
const chunkUnitBytes = 256 * 1024;

export class GcsBucket {
  readonly objects = new Map<string, GcsObject>();
  readonly uploads = new Map<string, Upload>();
  /** How much of a chunk that is not the last the service keeps; the rest must be sent again. */
  keepsOfChunk: number | undefined;
  #generation = 1_700_000_000_000_000n;

  find(key: string): GcsObject {
    const object = this.objects.get(key);
    if (object === undefined) throw new GcsFailure(404, 'NoSuchKey');
    return object;
  }

  put(resource: NewObject, data: Buffer, ifGenerationMatch: string | undefined): GcsObject {
    const { name, metadata = {}, storageClass = 'STANDARD' } = resource;
    this.assertGeneration(name, ifGenerationMatch);
    const calculated = base64Crc32c(data);
    if (resource.crc32c !== undefined && resource.crc32c !== calculated)
      throw new GcsFailure(
        400,
        'invalid',
        `Provided CRC32C "${resource.crc32c}" doesn't match calculated CRC32C "${calculated}".`,
      );
    const object: GcsObject = {
      data,
      metadata,
      storageClass,
      crc32c: calculated,
      generation: String(this.#generation++),
      updated: new Date(),
    };
    this.objects.set(name, object);
    return object;
  }

  assertGeneration(key: string, expected: string | undefined): void {
    if (expected !== undefined && expected !== (this.objects.get(key)?.generation ?? '0'))
      throw new GcsFailure(412, 'conditionNotMet', 'At least one of the pre-conditions did not hold.');
  }

  openUpload(resource: NewObject, ifGenerationMatch: string | undefined): string {
    this.assertGeneration(resource.name, ifGenerationMatch);
    const id = randomBytes(16).toString('hex');
    this.uploads.set(id, { resource, ifGenerationMatch, received: [], receivedBytes: 0, result: undefined });
    return id;
  }

  upload(id: string): Upload {
    const upload = this.uploads.get(id);
    if (upload === undefined) throw new GcsFailure(404, 'notFound', 'No such upload session.');
    return upload;
  }

  /** @returns the object once the upload is complete */
  append(
    id: string,
    chunk: { start: number; data: Buffer; totalBytes: number | undefined; crc32c: string | undefined },
  ): GcsObject | undefined {
    const upload = this.upload(id);
    const { data, start, totalBytes, crc32c } = chunk;
    if (start !== upload.receivedBytes)
      throw new GcsFailure(400, 'invalid', `the chunk starts at ${start} instead of ${upload.receivedBytes}`);
    if (totalBytes === undefined && (data.length === 0 || data.length % chunkUnitBytes !== 0))
      throw new GcsFailure(400, 'invalid', `a chunk of ${data.length} bytes is no multiple of 256 KiB`);
    const keeps = totalBytes === undefined ? (this.keepsOfChunk ?? data.length) : data.length;
    upload.received.push(data.subarray(0, keeps));
    upload.receivedBytes += Math.min(keeps, data.length);
    if (totalBytes === undefined || upload.receivedBytes < totalBytes) return undefined;
    const whole = Buffer.concat(upload.received);
    if (whole.length !== totalBytes) throw new GcsFailure(400, 'invalid', 'more bytes than announced');
    upload.result = this.put(
      { ...upload.resource, ...(crc32c && { crc32c }) },
      whole,
      upload.ifGenerationMatch,
    );
    return upload.result;
  }

  /** `after` is where the page before ended; `from` is what the client wants to begin at, inclusive. */
  list(request: { prefix: string; from: string; after: string; delimiter: string; limit: number }) {
    const { prefix, from, after, delimiter, limit } = request;
    const items: { key: string; object: GcsObject }[] = [];
    const prefixes: string[] = [];
    let last = '';
    for (const key of [...this.objects.keys()].sort()) {
      if (!key.startsWith(prefix) || key < from || (after !== '' && key <= after)) continue;
      const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
      const group = cut === -1 ? undefined : key.slice(0, cut + delimiter.length);
      // A page may end inside a group: the rest of it is not shown again on the next.
      if (group !== undefined && (prefixes.at(-1) === group || (after !== '' && after.startsWith(group)))) {
        last = key;
        continue;
      }
      if (items.length + prefixes.length === limit) return { items, prefixes, next: last };
      if (group !== undefined) prefixes.push(group);
      else items.push({ key, object: this.find(key) });
      last = key;
    }
    return { items, prefixes, next: undefined };
  }
}

export function base64Crc32c(data: Uint8Array): string {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(crc32c(data));
  return bytes.toString('base64');
}
