/** The description of a setting, and the type of its value. */
import type { SecretSource } from '../base/secret.ts';

export interface Setting {
  readonly kind: SettingKind;
  /** The default, as people write it. A setting without a default is unset until it is given. */
  readonly default?: string | number | undefined;
  readonly required?: boolean;
  readonly min?: number;
  readonly max?: number;
  readonly choices?: readonly string[];
  /** For a value that is not always a secret: true if it is one. Other text may be in a file that others can read. */
  readonly isSecretText?: (text: string) => boolean;
  /** A path of a file that holds a secret, and must be closed to others. */
  readonly isSecretFile?: boolean;
  /** A file that walvault writes: its content is no part of the configuration. */
  readonly isOutput?: boolean;
  readonly help: string;
  readonly example: string;
}

/**
 * - `name`: a part of object keys. `path`, `paths`: files; relative ones start at the configuration file's directory.
 * - `duration`: milliseconds, written `30s`. `size`: bytes, written `64MiB`. `switch`: on or off.
 * - `time-zone`: a name of the IANA database that this program knows.
 * - `secret`: text, or `{ file = … }`, `{ command = … }`, `{ env = … }`; read when it is used. `secrets`: one, or a list.
 */
export type SettingKind =
  | 'name'
  | 'text'
  | 'url'
  | 'path'
  | 'paths'
  | 'integer'
  | 'decimal'
  | 'duration'
  | 'size'
  | 'switch'
  | 'choice'
  | 'time-zone'
  | 'secret'
  | 'secrets';

interface ValueOfKind {
  readonly name: string;
  readonly text: string;
  readonly url: string;
  readonly path: string;
  readonly paths: readonly string[];
  readonly integer: number;
  readonly decimal: number;
  /** Milliseconds. */
  readonly duration: number;
  /** Bytes. */
  readonly size: number;
  readonly switch: boolean;
  readonly choice: string;
  readonly 'time-zone': string;
  readonly secret: SecretSource;
  readonly secrets: readonly SecretSource[];
}

type BaseValue<S extends Setting> = S extends { choices: readonly (infer C)[] } ? C : ValueOfKind[S['kind']];
type ValueOf<S extends Setting> = S extends
  { default: unknown } | { required: true } | { kind: 'paths' | 'secrets' }
  ? BaseValue<S>
  : BaseValue<S> | undefined;
export type ValuesOf<T extends Record<string, Setting>> = { readonly [K in keyof T]: ValueOf<T[K]> };
