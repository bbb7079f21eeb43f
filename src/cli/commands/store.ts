/** `walvault store`: options and output of its subcommands. */
import { createReadStream } from 'node:fs';
import type { Command } from 'commander';
import { localIoError, WalvaultError } from '../../base/errors/errors.ts';
import { formatCount } from '../../base/units.ts';
import type { ByteStream } from '../../base/bytes/streams.ts';
import { rendered, renderedJson } from '../render/result-text.ts';
import { renderJson } from '../render/json.ts';
import { entryJson, entryLine, renderStat, renderThaw } from '../render/store.ts';
import type { DefineVerb, Invocation, Run } from '../verb.ts';
import { chooseRepository } from '../options/repository-choice.ts';
import { thawDaysOption, thawSpeedOption, type ThawSpeed } from '../options/thaw-options.ts';

interface ChoiceOptions {
  readonly repository?: string;
}

/** Objects of any size are read in pieces of 1 MiB, and never held whole. */
const chunkBytes = 1024 ** 2;

export const defineStore: DefineVerb = (program, run) => {
  const store = program
    .command('store')
    .description('look at and handle the objects of a repository by hand')
    .addHelpText('after', notes);
  defineLs(store, run);
  defineGet(store, run);
  definePut(store, run);
  defineStat(store, run);
  defineThaw(store, run);
  defineRm(store, run);
};

interface LsOptions extends ChoiceOptions {
  readonly long?: boolean;
  readonly recursive?: boolean;
  readonly startAfter?: string;
  readonly json?: boolean;
}

function defineLs(store: Command, run: Run): void {
  withRepository(store.command('ls'))
    .description('list objects, one level below the prefix')
    .argument('[prefix]', 'any beginning of a key; a directory ends with /', '')
    .option('-l, --long', 'sizes and times too')
    .option('-r, --recursive', 'all levels')
    .option('--start-after <key>', 'only keys after this one')
    .option('--json', 'print the result as JSON')
    .action(async (prefix: string, options: LsOptions) => {
      await run(async invocation => {
        const { listStore } = await import('../../operations/store/look.ts');
        const { print, context } = invocation;
        await using opened = await open(invocation, options);
        const entries = listStore({
          repository: opened.repository,
          prefix,
          startAfter: options.startAfter,
          isOneLevel: options.recursive !== true,
          signal: context.signal,
        });
        let separator = '[\n';
        for await (const entry of entries) {
          print(
            options.json === true
              ? renderedJson(`${separator}  ${entryJson(entry)}`)
              : rendered(each => entryLine(each, options.long === true), entry),
          );
          separator = ',\n';
        }
        if (options.json === true) print(renderedJson(separator === '[\n' ? '[]\n' : '\n]\n'));
      });
    });
}

function defineGet(store: Command, run: Run): void {
  withRepository(store.command('get'))
    .description('write an object to standard output')
    .argument('<key>', 'the whole key')
    .option('--decode', 'decrypt and decompress it, and say on standard error who signed it')
    .action(async (key: string, options: ChoiceOptions & { decode?: boolean }) => {
      await run(async invocation => {
        const { readStoredObject } = await import('../../operations/store/get-object.ts');
        const { log, context } = invocation;
        const { stdoutBytes } = context;
        if (stdoutBytes === undefined)
          throw new WalvaultError('internal', 'store get: there is no standard output for bytes');
        await using opened = await open(invocation, options);
        const bytes = readStoredObject({
          repository: opened.repository,
          key,
          isDecoded: options.decode === true,
          log,
          signal: context.signal,
        });
        for await (const chunk of bytes) if (!(await stdoutBytes(chunk))) break;
      });
    });
}

function definePut(store: Command, run: Run): void {
  withRepository(store.command('put'))
    .description('create an object; an existing one is never replaced')
    .argument('<key>', 'the whole key')
    .argument('<file>', 'what to store')
    .option('--force', 'also under a key of the repository format')
    .action(async (key: string, file: string, options: ChoiceOptions & { force?: boolean }) => {
      await run(async invocation => {
        const { createStoredObject } = await import('../../operations/store/change-objects.ts');
        await using opened = await open(invocation, options);
        const { signal } = invocation.context;
        await createStoredObject(key, readLocal(file), {
          repository: opened.repository,
          isForced: options.force === true,
          signal,
        });
      });
    });
}

function defineStat(store: Command, run: Run): void {
  withRepository(store.command('stat'))
    .description('show size, time and metadata of an object')
    .argument('<key>', 'the whole key')
    .option('--json', 'print the result as JSON')
    .action(async (key: string, options: ChoiceOptions & { json?: boolean }) => {
      await run(async invocation => {
        const { statObject } = await import('../../operations/store/look.ts');
        await using opened = await open(invocation, options);
        const stat = await statObject(opened.repository, key, invocation.context.signal);
        invocation.print(options.json === true ? renderJson(stat) : rendered(renderStat, stat));
      });
    });
}

interface ThawOptions extends ChoiceOptions {
  readonly days: number;
  readonly speed: ThawSpeed;
  readonly json?: boolean;
}

function defineThaw(store: Command, run: Run): void {
  withRepository(store.command('thaw'))
    .description('ask for objects of an archive tier; exits 19 until all are there')
    .argument('<prefix>', 'a whole key, or any beginning of keys')
    .addOption(thawDaysOption('--days'))
    .addOption(thawSpeedOption('--speed'))
    .option('--json', 'print the result as JSON')
    .action(async (prefix: string, options: ThawOptions) => {
      await run(async invocation => {
        const { thaw } = await import('../../operations/store/thaw.ts');
        const { tell, context } = invocation;
        const { days, speed } = options;
        await using opened = await open(invocation, options);
        const result = await thaw(opened.repository, prefix, { days, speed, signal: context.signal });
        tell(options.json === true ? renderJson(result) : rendered(renderThaw, result), options.json);
        const waiting = result.requested + result.underWay;
        if (waiting > 0)
          throw new WalvaultError('cold-tier', `store thaw: ${waiting} objects are not there yet`, {
            hint: 'Run it again later: it exits 0 once they can be read.',
          });
      });
    });
}

function defineRm(store: Command, run: Run): void {
  withRepository(store.command('rm'))
    .description('remove objects')
    .argument('<keys...>', 'whole keys')
    .option('--force', 'also objects that the repository format needs; says what that breaks')
    .action(async (keys: string[], options: ChoiceOptions & { force?: boolean }) => {
      await run(async invocation => {
        const { removeObjects } = await import('../../operations/store/change-objects.ts');
        const { log, context } = invocation;
        await using opened = await open(invocation, options);
        const { count, lockedCount, lockedUntil } = await removeObjects(keys, {
          repository: opened.repository,
          isForced: options.force === true,
          log,
          signal: context.signal,
        });
        const locks =
          lockedUntil === undefined
            ? ''
            : `, ${lockedCount} locked, the longest until ${lockedUntil.toISOString()}`;
        if (count > 0)
          throw new WalvaultError(
            'check-failed',
            `store rm: still there: ${count} of ${formatCount(keys.length, 'object')}${locks}`,
          );
      });
    });
}

function withRepository(command: Command): Command {
  return command.option('--repository <name>', 'in this repository (needed only where there are several)');
}

async function open({ loadConfig, log }: Invocation, { repository }: ChoiceOptions) {
  const { openRepositories } = await import('../../compose/open-repositories.ts');
  const { config } = await loadConfig();
  chooseRepository(config.repositories, repository);
  const opened = await openRepositories(config, log);
  return {
    repository: chooseRepository(opened.repositories, repository),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
}

async function* readLocal(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path, { highWaterMark: chunkBytes }) as ByteStream;
  } catch (error) {
    throw localIoError('read', path, error);
  }
}

const notes = `
These commands work on single objects, without walvault's other promises: use them to see what is there, to save a
single file, or in scripts. Keys are described in docs/repository-format.md.

Examples:
  walvault store ls -l orders/7300000000000000001/
  walvault store get --decode orders/7300000000000000001/timelines/00000002.history
  walvault store stat --json orders/7300000000000000001/wal/00000001/00000000/000000010000000000000001
  walvault store thaw --days 3 orders/7300000000000000001/wal/00000001/00000005/
  walvault store rm --repository offsite old/object
`;
