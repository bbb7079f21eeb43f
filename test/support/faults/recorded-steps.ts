/** In which order code asks the kernel to sync files and to name them: what it promises after a crash rests on that. */
import { readlinkSync } from 'node:fs';
import fsPromises, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { relative } from 'node:path';

const original = { ...fsPromises };

export interface RecordedSteps {
  /** `sync a/b`, `link TEMP a/b`, `rename TEMP a/b`, by paths below the root; a temporary name is `TEMP`. */
  readonly steps: string[];
  /** The path whose next fsyncs fail. */
  failSyncOf: string | undefined;
}

/** Records from now on; `stopRecording` ends it. */
export function recordSteps(root: string): RecordedSteps {
  const recorded: RecordedSteps = { steps: [], failSyncOf: undefined };
  const shown = (path: unknown) => shownBelow(root, path);
  fsPromises.open = async (...args: Parameters<typeof original.open>): Promise<FileHandle> => {
    const handle = await original.open(...args);
    const sync = handle.sync.bind(handle);
    handle.sync = async () => {
      const path = shown(args[0]);
      recorded.steps.push(`sync ${path}`);
      if (path === recorded.failSyncOf) throw Object.assign(new Error('injected'), { code: 'EIO' });
      await sync();
    };
    return handle;
  };
  for (const name of ['link', 'rename'] as const)
    fsPromises[name] = async (from, to) => {
      recorded.steps.push(`${name} ${shown(from).replace(/^.*\//, '')} ${shown(to)}`);
      await original[name](from, to);
    };
  syncBuiltinESMExports();
  return recorded;
}

export function stopRecording(): void {
  Object.assign(fsPromises, original);
  syncBuiltinESMExports();
}

/** Temporary names are random: `TEMP` stands for any. */
export function shownBelow(root: string, path: unknown): string {
  // A file that is named through an open directory.
  const named = String(path).replace(/^\/proc\/self\/fd\/\d+/, held => readlinkSync(held));
  const name = relative(root, named) || '.';
  return name.replace(/[^/]*(\.walvault-tmp|\.[0-9a-f]{12,46}\.tmp)$/, 'TEMP');
}
