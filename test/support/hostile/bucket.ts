/** A prefix of the S3 imitation's bucket in the hands of an attacker. */
import type { Bucket, S3Object } from '../servers/s3/buckets.ts';
import type { HostileRepository } from './hostile-repository.ts';

export class HostileBucket implements HostileRepository {
  readonly #bucket: Bucket;
  /** With its slash. */
  readonly #prefix: string;

  constructor(bucket: Bucket, prefix: string) {
    this.#bucket = bucket;
    this.#prefix = prefix;
  }

  save(): () => void {
    const { objects } = this.#bucket;
    const saved = new Map(objects);
    return () => {
      objects.clear();
      for (const [key, object] of saved) objects.set(key, object);
    };
  }

  keys(prefix: string): string[] {
    return [...this.#bucket.objects.keys()]
      .filter(key => key.startsWith(this.#prefix + prefix))
      .map(key => key.slice(this.#prefix.length))
      .toSorted();
  }

  read(key: string): Buffer {
    return this.#find(key).data;
  }

  metadataOf(key: string): Readonly<Record<string, string>> {
    return this.#find(key).metadata;
  }

  put(key: string, body: Uint8Array | string, metadata: Readonly<Record<string, string>> = {}): void {
    const object = { data: Buffer.from(body), metadata: { ...metadata }, storageClass: 'STANDARD' };
    this.#bucket.put(this.#prefix + key, object, false);
  }

  remove(key: string): void {
    this.#bucket.objects.delete(this.#prefix + key);
  }

  #find(key: string): S3Object {
    return this.#bucket.find(this.#prefix + key);
  }
}
