/** Secret values, which print as `***` everywhere: in logs, JSON, string templates and the inspector. */

/** Something that a secret is read from when it is first needed. A `Secret` is its own source. */
export interface SecretSource {
  /** @throws WalvaultError `config` if it cannot be read now */
  read(): Promise<Secret>;
}

/** Prints as `***`, whatever it holds in private fields. */
export abstract class Hidden {
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

export class Secret extends Hidden implements SecretSource {
  readonly #value: string;

  constructor(value: string) {
    super();
    this.#value = value;
  }

  /** The value itself. Call this where the value is used, and do not store the result in an object. */
  reveal(): string {
    return this.#value;
  }

  read(): Promise<Secret> {
    return Promise.resolve(this);
  }
}

/**
 * What the sources give, one after the other. A source that cannot be read is passed over.
 * @throws at the end what the first such source threw: its value might have been the right one
 */
export async function* readInTurn<T>(sources: readonly { read(): Promise<T> }[]): AsyncGenerator<T> {
  let unread: unknown;
  for (const source of sources) {
    let value: T;
    try {
      value = await source.read();
    } catch (error) {
      unread ??= error;
      continue;
    }
    yield value;
  }
  if (unread !== undefined) throw unread;
}
