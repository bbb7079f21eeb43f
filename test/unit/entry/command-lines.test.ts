/** An option of push, fetch and agent is said once: all that reads their command lines knows the same options. */
import assert from 'node:assert/strict';
import { Command } from 'commander';
import { describe, it } from 'vitest';
import {
  agentLine,
  commonOptions,
  fetchLine,
  optionsOf,
  pushLine,
  spellingsOf,
  spellingsWithValue,
  type CommandLine,
} from '../../../src/agent/client/command-lines.ts';
import { quickParse } from '../../../src/agent/client/quick-parse.ts';
import { defineAgent } from '../../../src/cli/commands/agent.ts';
import { defineFetch } from '../../../src/cli/commands/fetch.ts';
import { definePush } from '../../../src/cli/commands/push.ts';
import { addOptions } from '../../../src/cli/entry-command.ts';
import type { DefineVerb } from '../../../src/cli/verb.ts';
import { parseVerb } from '../../../src/entry/parse-verb.ts';

const verbs: readonly { line: CommandLine; define: DefineVerb; words: string[] }[] = [
  { line: pushLine, define: definePush, words: ['push', 'pg_wal/X'] },
  { line: fetchLine, define: defineFetch, words: ['fetch', 'NAME', 'pg_wal/X'] },
  { line: agentLine, define: defineAgent, words: ['agent', 'status'] },
];

/** Every option that any of them has, and one that none has. */
const spelt = [
  ...new Set([
    ...verbs.flatMap(({ line }) => optionsOf(line).flatMap(([name, spec]) => spellingsOf(name, spec))),
    '--unknown',
  ]),
];

function treeOf(define: DefineVerb): Command {
  const program = new Command('walvault').exitOverride().configureOutput({ writeErr: () => undefined });
  addOptions(program, commonOptions);
  define(program, () => Promise.resolve());
  for (const command of program.commands) command.exitOverride();
  return program;
}

const readers: readonly {
  what: string;
  reads(argv: string[], define: DefineVerb, line: CommandLine): boolean;
}[] = [
  { what: 'the quick parser', reads: (argv, _, line) => quickParse(argv, line) !== undefined },
  { what: 'the full parser', reads: (argv, _, line) => doesNotThrow(() => parseVerb(argv, line)) },
  {
    what: 'the command tree',
    reads: (argv, define) => doesNotThrow(() => treeOf(define).parse(argv, { from: 'user' })),
  },
];

function doesNotThrow(work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch {
    return false;
  }
}

for (const { line, define, words } of verbs)
  describe(line.name, () => {
    const known = optionsOf(line).flatMap(([name, spec]) => spellingsOf(name, spec));
    for (const { what, reads } of readers)
      it(`${what} takes each option of its table and no other`, () => {
        const takesValue = new Set(spellingsWithValue(line));
        const taken = spelt.filter(option =>
          reads([...words, option, ...(takesValue.has(option) ? ['7'] : [])], define, line),
        );
        assert.deepEqual(taken.toSorted(), known.toSorted());
      });

    it('the help shows each option that people may give, and its usage error names it', () => {
      const help = treeOf(define).commands[0]?.helpInformation() ?? '';
      for (const [name, { help: text }] of Object.entries(line.options)) {
        assert.equal(help.includes(`--${name}`), text !== undefined, name);
        assert.equal(line.usage.includes(`--${name}`), text !== undefined, name);
      }
    });
  });
