/** Renders a configuration file with every setting: the given ones set, the others as comments with their defaults. */
import type { Setting } from './setting.ts';
import { repositorySettings, type RepositoryField } from './repository-settings.ts';
import { settings, type SettingKey } from './settings.ts';

/** The TOML values that settings need. */
export type WrittenValue = string | number | boolean | readonly string[] | { readonly file: string };

export interface ConfigFileContent {
  readonly settings: Partial<Record<SettingKey, WrittenValue>>;
  readonly repositories: readonly Partial<Record<RepositoryField, WrittenValue>>[];
}

export function renderConfigFile(content: ConfigFileContent): string {
  const lines = [...introduction];
  let section = '';
  for (const [key, setting] of Object.entries<Setting>(settings)) {
    const next = key.includes('.') ? key.slice(0, key.indexOf('.')) : '';
    if (next !== section) lines.push(`[${next}]`, '');
    section = next;
    const name = key.slice(section === '' ? 0 : section.length + 1);
    lines.push(...entry(name, setting, content.settings[key as SettingKey]));
  }
  content.repositories.forEach((repository, index) => {
    lines.push('[[repository]]');
    if (index === 0) lines.push('');
    for (const [name, setting] of Object.entries<Setting>(repositorySettings)) {
      const value = repository[name as RepositoryField];
      if (index === 0) lines.push(...entry(name, setting, value));
      else if (value !== undefined) lines.push(`${name} = ${writeToml(value)}`);
    }
    if (index > 0) lines.push('');
  });
  return `${lines.join('\n').trimEnd()}\n`;
}

const introduction = [
  '# Configuration of walvault. A line that begins with # is a comment: it shows a default, or an example.',
  '# What is in force and where it comes from: walvault config show',
  '',
];

function entry(name: string, setting: Setting, value: WrittenValue | undefined): string[] {
  const line = value === undefined ? `#${name} = ${placeholder(setting)}` : `${name} = ${writeToml(value)}`;
  return [...wrap(setting.help), line, ''];
}

function placeholder(setting: Setting): string {
  return setting.default === undefined ? setting.example : JSON.stringify(setting.default);
}

/** A value as TOML, in which strings and lists of strings are written as in JSON. */
function writeToml(value: WrittenValue): string {
  if (typeof value === 'object' && 'file' in value) return `{ file = ${JSON.stringify(value.file)} }`;
  if (Array.isArray(value)) return `[${value.map(item => JSON.stringify(item)).join(', ')}]`;
  return JSON.stringify(value);
}

function wrap(text: string): string[] {
  const lines: string[] = [];
  let line = '#';
  for (const word of text.split(' ')) {
    if (line.length + word.length + 1 > 100) {
      lines.push(line);
      line = '#';
    }
    line += ` ${word}`;
  }
  return [...lines, line];
}
