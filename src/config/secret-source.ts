/**
 * Secrets of the configuration, read from their sources when they are first needed: what only a restore needs must not
 * fail a push, nor be asked for by it. Messages name the setting and the source, never the value.
 */
import { fileBounds } from '../base/bounds.ts';
import { openToRead, readOpened } from '../base/files/read.ts';
import type { OpenFile } from '../base/files/calls.ts';
import { resolve } from 'node:path';
import { WalvaultError, describeSystemCode, messageOf, systemCode } from '../base/errors/errors.ts';
import { Hidden, Secret, type SecretSource } from '../base/secret.ts';
import { findReplacer, isHisOwn, letRootOwnIt } from '../base/files/outsider.ts';
import type { RawValue } from './raw-value.ts';
import type { Setting } from './setting.ts';

const commandTimeoutMs = 10_000;
const maxSizeBytes = fileBounds.secret.limitBytes;
const forms = ['file', 'command', 'env'] as const;

/** Where a secret is found, as plain data. With `text` the source is the secret itself. */
export interface SecretRecipe {
  /** For messages: the setting and its place. */
  readonly label: string;
  readonly form: 'text' | (typeof forms)[number];
  /** A path, absolute; a command for sh; a variable's name. */
  readonly source: string;
  /** Why the secret is not used. */
  readonly refusal?: { readonly message: string; readonly hint: string } | undefined;
}

export interface SecretReading {
  readonly env: NodeJS.ProcessEnv;
  /** Told of each secret before it is used. */
  readonly onSecret: (secret: Secret) => void;
}

/** A secret of the configuration. It is hidden itself: what it is read from may be a secret, too. */
export class ConfiguredSecret extends Hidden implements SecretSource {
  readonly #recipe: SecretRecipe;
  readonly #reading: SecretReading;
  #found: Promise<Secret> | undefined;
  #known: Secret | undefined;

  constructor(recipe: SecretRecipe, reading: SecretReading) {
    super();
    this.#recipe = recipe;
    this.#reading = reading;
    const { form, source } = recipe;
    // What is known without a file or a command is hidden in all output from now on.
    const text = form === 'text' ? source : form === 'env' ? reading.env[source] : undefined;
    if (text) reading.onSecret(new Secret(text));
  }

  /**
   * Reads once; after a failure the next call tries again. Line breaks at the end are not part of the secret.
   * @throws WalvaultError `config`
   */
  read(): Promise<Secret> {
    this.#found ??= this.#read().catch((error: unknown) => {
      this.#found = undefined;
      throw error;
    });
    return this.#found;
  }

  /** What another thread needs to read it: the secret itself, if it is known here. It goes into no log or error. */
  recipe(): SecretRecipe {
    const { label } = this.#recipe;
    return this.#known === undefined ? this.#recipe : { label, form: 'text', source: this.#known.reveal() };
  }

  async #read(): Promise<Secret> {
    const { label, refusal } = this.#recipe;
    if (refusal !== undefined)
      throw new WalvaultError('config', `${label}: ${refusal.message}`, { hint: refusal.hint });
    const text = (await readRecipe(this.#recipe, this.#reading.env)).replace(/[\r\n]+$/, '');
    if (text === '') throw new WalvaultError('config', `${this.#recipe.label}: the secret is empty`);
    this.#known = new Secret(text);
    this.#reading.onSecret(this.#known);
    return this.#known;
  }
}

/**
 * The secret of a setting: text, `{ file = "…" }`, `{ command = "…" }` (run by sh, its output is the secret) or
 * `{ env = "…" }`. Nothing is read yet.
 * @throws WalvaultError `config` if it is none of these, or text that others can read
 */
export function configuredSecret(setting: Setting, raw: RawValue, reading: SecretReading): ConfiguredSecret {
  const { label } = raw;
  const refusal = refusalOf(raw, setting);
  if (typeof raw.value === 'string') {
    const source = plainText(raw.value, setting, raw);
    return new ConfiguredSecret({ label, form: 'text', source, refusal }, reading);
  }
  const [form, source] = sourceOf(raw);
  return new ConfiguredSecret(
    { label, form, source: form === 'file' ? resolve(raw.directory, source) : source, refusal },
    reading,
  );
}

/**
 * As root: whoever may write the configuration would have root run his command, or take a file or a variable of root's
 * for a secret and send it where he says.
 */
function refusalOf({ value, outsider }: RawValue, setting: Setting): SecretRecipe['refusal'] {
  if (outsider === undefined) return undefined;
  if (typeof value === 'string' && setting.isSecretText?.(value) === false) return undefined;
  return {
    message: `root takes no secret from a configuration that another may change: ${outsider.because}`,
    hint: letRootOwnIt,
  };
}

/** The secrets of a setting that takes one or a list of them. */
export function configuredSecrets(
  setting: Setting,
  raw: RawValue,
  reading: SecretReading,
): ConfiguredSecret[] {
  if (!Array.isArray(raw.value)) return [configuredSecret(setting, raw, reading)];
  return raw.value.map((value: unknown, index) =>
    configuredSecret(setting, { ...raw, value, label: `${raw.label}, number ${index + 1}` }, reading),
  );
}

async function readRecipe({ form, source, label }: SecretRecipe, env: NodeJS.ProcessEnv): Promise<string> {
  switch (form) {
    case 'text':
      return source;
    case 'file':
      return await fromFile(source, label);
    case 'command':
      return await fromCommand(source, label, env);
    case 'env':
      return fromVariable(source, label, env);
  }
}

function plainText(text: string, setting: Setting, raw: RawValue): string {
  if (text === '') throw new WalvaultError('config', `${raw.label}: the secret is empty`);
  if (raw.isPrivate || setting.isSecretText?.(text) === false) return text;
  throw new WalvaultError('config', `${raw.label}: a secret stands in a file that others can read`, {
    hint: 'Take away their access (chmod 0600; 0640 where root owns the file), or write { file = "…" }, { command = "…" } or { env = "…" } instead.',
  });
}

function sourceOf(raw: RawValue): [(typeof forms)[number], string] {
  const { value } = raw;
  const entries = typeof value === 'object' && value !== null ? Object.entries(value) : [];
  const [name, source] = entries[0] ?? [];
  const form = forms.find(known => known === name);
  if (entries.length !== 1 || form === undefined || typeof source !== 'string' || source === '')
    throw new WalvaultError('config', `${raw.label}: not a secret`, {
      hint: 'Write text in quotes, or one of { file = "…" }, { command = "…" } and { env = "…" }.',
    });
  return [form, source];
}

async function fromFile(path: string, label: string): Promise<string> {
  try {
    await using handle = await openToRead(path);
    await refuseLedAway(path, label, handle);
    return (await readOpened(handle, maxSizeBytes)).toString('utf8');
  } catch (error) {
    if (error instanceof WalvaultError) throw error;
    const code = systemCode(error);
    const reason = code === undefined ? messageOf(error) : describeSystemCode(code);
    throw new WalvaultError('config', `${label}: secret file ${path}: ${reason}`, {
      cause: error,
      hint: code === 'EACCES' ? 'The user that PostgreSQL runs as must be able to read it.' : undefined,
    });
  }
}

/** As root: a file that somebody else may put in its place must be his own, and no link to one of root's. */
async function refuseLedAway(path: string, label: string, handle: OpenFile): Promise<void> {
  if (process.geteuid?.() !== 0) return;
  const outsider = await findReplacer(path);
  if (outsider === undefined || isHisOwn(outsider, await handle.stat())) return;
  throw new WalvaultError(
    'config',
    `${label}: secret file ${path}: root does not read what another may replace: ${outsider.because}`,
    {
      hint: letRootOwnIt,
    },
  );
}

function fromVariable(name: string, label: string, env: NodeJS.ProcessEnv): string {
  const value = env[name];
  if (value === undefined || value === '')
    throw new WalvaultError('config', `${label}: the environment has no variable ${name}`);
  return value;
}

async function fromCommand(command: string, label: string, env: NodeJS.ProcessEnv): Promise<string> {
  const { execFile } = await import('node:child_process');
  return await new Promise((done, fail) => {
    const options = {
      env,
      timeout: commandTimeoutMs,
      killSignal: 'SIGKILL',
      maxBuffer: maxSizeBytes,
    } as const;
    const child = execFile('/bin/sh', ['-c', command], options, (error, stdout, stderr) => {
      if (error === null) {
        done(stdout);
        return;
      }
      const reason =
        error.killed === true
          ? `no answer within ${commandTimeoutMs / 1000} s`
          : `failed${typeof error.code === 'number' ? ` with status ${error.code}` : ''}`;
      const said = stderr.trim().split('\n')[0]?.slice(0, 200) ?? '';
      // Node's error is not the cause here: it holds the output, which may be a part of the secret.
      fail(
        new WalvaultError(
          'config',
          `${label}: the secret's command ${reason}${said === '' ? '' : `: ${said}`}`,
        ),
      );
    });
    child.stdin?.end();
  });
}
