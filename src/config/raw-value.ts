/** A value as found in the file or the environment, before it is checked. */
import type { Outsider } from '../base/files/outsider.ts';

export interface RawValue {
  /** Any TOML value from a file, text from the environment. */
  readonly value: unknown;
  /** For people: `compression.level in /etc/walvault.toml, line 4`, or `WALVAULT_COMPRESSION_LEVEL in the environment`. */
  readonly label: string;
  /** For `config show`: `/etc/walvault.toml:4` or `WALVAULT_COMPRESSION_LEVEL`. */
  readonly origin: string;
  /** The directory at which relative paths start. */
  readonly directory: string;
  /** False when the file is readable by group or others: then it must not hold a secret as text. */
  readonly isPrivate: boolean;
  /** Where root reads the file: somebody else who may write to it, or put another in its place. */
  readonly outsider?: Outsider | undefined;
}
