/** Reads secrets from their sources. Messages name the setting and the source, never the value. */
import { resolve } from 'node:path';
import { WalvaultError, describeSystemCode, messageOf, systemCode } from '../base/errors/errors.ts';
import { Secret } from '../base/secret.ts';
import { readText } from '../base/files/read.ts';
import type { RawValue } from './raw-value.ts';
import type { Setting } from './setting.ts';

const commandTimeoutMs = 10_000;
const maxSizeBytes = 64 * 1024;
const forms = ['file', 'command', 'env'] as const;

/**
 * The secret from text, `{ file = "…" }`, `{ command = "…" }` (run by sh, its output is the secret) or `{ env = "…" }`.
 * Line breaks at the end are not part of the secret.
 * @throws WalvaultError `config`
 */
export async function readSecret(setting: Setting, raw: RawValue, env: NodeJS.ProcessEnv): Promise<Secret> {
  const text = (await secretText(setting, raw, env)).replace(/[\r\n]+$/, '');
  if (text === '') throw new WalvaultError('config', `${raw.label}: the secret is empty`);
  return new Secret(text);
}

async function secretText(setting: Setting, raw: RawValue, env: NodeJS.ProcessEnv): Promise<string> {
  if (typeof raw.value === 'string') return plainText(raw.value, setting, raw);
  const [form, source] = sourceOf(raw);
  if (form === 'file') return await fromFile(resolve(raw.directory, source), raw);
  return form === 'command' ? await fromCommand(source, raw, env) : fromVariable(source, raw, env);
}

function plainText(text: string, setting: Setting, raw: RawValue): string {
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

async function fromFile(path: string, raw: RawValue): Promise<string> {
  try {
    return await readText(path);
  } catch (error) {
    const code = systemCode(error);
    const reason = code === undefined ? messageOf(error) : describeSystemCode(code);
    throw new WalvaultError('config', `${raw.label}: secret file ${path}: ${reason}`, {
      cause: error,
      hint: code === 'EACCES' ? 'The user that PostgreSQL runs as must be able to read it.' : undefined,
    });
  }
}

function fromVariable(name: string, raw: RawValue, env: NodeJS.ProcessEnv): string {
  const value = env[name];
  if (value === undefined || value === '')
    throw new WalvaultError('config', `${raw.label}: the environment has no variable ${name}`);
  return value;
}

async function fromCommand(command: string, raw: RawValue, env: NodeJS.ProcessEnv): Promise<string> {
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
          `${raw.label}: the secret's command ${reason}${said === '' ? '' : `: ${said}`}`,
        ),
      );
    });
    child.stdin?.end();
  });
}
