/** A setting as found, before it is understood. */
export interface RawValue {
  /** From a file: any TOML value. From the environment: text. */
  readonly value: unknown;
  /** For people: `compression.level in /etc/walvault.toml, line 4`, or `WALVAULT_COMPRESSION_LEVEL in the environment`. */
  readonly label: string;
  /** For `config show`: `/etc/walvault.toml:4` or `WALVAULT_COMPRESSION_LEVEL`. */
  readonly origin: string;
  /** Where relative paths start. */
  readonly directory: string;
  /** False when the file is readable by group or others: then it must not hold a secret as text. */
  readonly isPrivate: boolean;
}
