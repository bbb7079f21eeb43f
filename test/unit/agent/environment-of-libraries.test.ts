/** What the libraries of the executable read from the environment, found in their own sources. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { it } from 'vitest';
import { isRelevant } from '../../../src/agent/environment.ts';

const root = resolve(import.meta.dirname, '../../..');

/** Variables that change nothing of what a push does, by reason. */
const otherwise: readonly (readonly [RegExp, string])[] = [
  [/^PG/, 'a push asks no server'],
  [/^HOME$/, 'compared apart'],
  [/^(NO_COLOR|FORCE_COLOR|CLICOLOR_FORCE|DEBUG.*|TYPESPEC_RUNTIME_LOG_LEVEL)$/, 'what is printed, and how'],
  [
    /^(APPDATA|PROGRAMDATA|PROGRAMFILES|SYSTEMROOT|HOMEDRIVE|HOMEPATH|USERPROFILE|USERNAME|USER)$/i,
    'Windows, or a default',
  ],
  [/^SSH_/, 'whether a browser can be opened'],
  [/^_X_AMZN_TRACE_ID$/, 'a note for traces'],
];

/** The directories of the packages that `dependencies` of package.json lead to. */
function productionPackages(): string[] {
  const found = new Set<string>();
  const visit = (from: string) => {
    const { dependencies = {} } = JSON.parse(readFileSync(join(from, 'package.json'), 'utf8')) as {
      dependencies?: Record<string, string>;
    };
    for (const name of Object.keys(dependencies)) {
      const directory = directoryOf(name, from);
      if (directory === undefined || found.has(directory)) continue;
      found.add(directory);
      visit(directory);
    }
  };
  visit(root);
  return [...found];
}

function directoryOf(name: string, from: string): string | undefined {
  const here = join(from, 'node_modules', name);
  if (existsSync(here)) return here;
  return from === dirname(from) ? undefined : directoryOf(name, dirname(from));
}

const elsewhere = /(^|\/)(node_modules|browser|workerd|react-native|dist-types|dist-es|test|umd)(\/|$)/;

function sourcesOf(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter(name => /\.[cm]?js$/.test(name) && !elsewhere.test(name))
    .map(name => readFileSync(join(directory, name), 'utf8'))
    .filter(text => /\benv\b/.test(text));
}

/** The names after `env.` and `env[…]`; a constant stands for its values, another expression for the lists of names in its file. */
function variablesIn(texts: readonly string[]): Set<string> {
  const names = new Set<string>();
  for (const text of texts) {
    for (const [, name = ''] of text.matchAll(/\benv\.([A-Za-z_]\w*)/g)) if (isName(name)) names.add(name);
    for (const [, index = ''] of text.matchAll(/\benv\[([^\]]+)\]/g)) {
      const quoted = /^["'`]([\w]+)["'`]$/.exec(index)?.[1];
      const constant = /(?:^|\.)([A-Z][A-Z0-9_]+)$/.exec(index)?.[1];
      if (quoted !== undefined) names.add(quoted);
      else if (constant !== undefined) for (const value of valuesOf(constant, texts)) names.add(value);
      else for (const value of listedIn(text)) names.add(value);
    }
  }
  return names;
}

/** The items of constants that are lists of such names. */
function listedIn(text: string): string[] {
  return [...text.matchAll(/=\s*\[\s*((?:["'][A-Z][A-Z0-9_]+["']\s*,?\s*)+)\]/g)].flatMap(([, items = '']) =>
    [...items.matchAll(/\w+/g)].map(([item]) => item).filter(item => !item.startsWith('SIG')),
  );
}

function isName(text: string): boolean {
  return /^[A-Z][A-Z0-9_]*$/.test(text);
}

function valuesOf(constant: string, texts: readonly string[]): string[] {
  const assigned = new RegExp(`\\b${constant}["']?\\s*[=:]\\s*["'](\\w+)["']`, 'g');
  return texts.flatMap(text => [...text.matchAll(assigned)].map(([, value = '']) => value));
}

it('an agent and its asker compare all that the libraries of the stores read', () => {
  const packages = productionPackages();
  const read = new Map<string, string>();
  for (const directory of packages)
    for (const name of variablesIn(sourcesOf(directory))) read.set(name, directory.slice(root.length));
  for (const known of ['AWS_PROFILE', 'GCE_METADATA_HOST', 'IDENTITY_ENDPOINT', 'IMDS_ENDPOINT', 'K_SERVICE'])
    assert.ok(read.has(known), `${known} is not found in the sources: the search is broken`);
  const missed = [...read]
    .filter(([name]) => !isRelevant(name) && !otherwise.some(([pattern]) => pattern.test(name)))
    .map(([name, directory]) => `${name} (${directory})`);
  assert.deepEqual(missed, []);
});
