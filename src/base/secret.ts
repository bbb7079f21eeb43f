/** A secret value that prints as `***` everywhere: in logs, JSON, string templates and the inspector. */

/** Something that a secret is read from when it is first needed. A `Secret` is its own source. */
export interface SecretSource {
  /** @throws WalvaultError `config` if it cannot be read now */
  read(): Promise<Secret>;
}

export class Secret implements SecretSource {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The value itself. Call this where the value is used, and do not store the result in an object. */
  reveal(): string {
    return this.#value;
  }

  read(): Promise<Secret> {
    return Promise.resolve(this);
  }

  toString(): string {
    return '***';
  }

  toJSON(): string {
    return '***';
  }

  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '***';
  }
}
