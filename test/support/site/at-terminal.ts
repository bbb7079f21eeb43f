/** A program at a terminal, by `script` of util-linux: a person who waits for a question and then types. */
import { spawn } from 'node:child_process';
import { onExit } from './on-exit.ts';
import { bareEnvironment, type Environment } from './run.ts';
import { unprivilegedIds } from './unprivileged.ts';

export interface TerminalRun {
  /** What the person saw: both outputs, and what was typed. */
  readonly shown: string;
  readonly exitCode: number | null;
}

/** Types `keys` once `question` is shown. `command` is a line for a shell. Rejects after a minute. */
export function atTerminal(
  command: string,
  { question, keys, env }: { readonly question: string; readonly keys: string; readonly env: Environment },
): Promise<TerminalRun> {
  const child = spawn(
    '/usr/bin/script',
    ['--quiet', '--return', '--command', `exec ${command}`, '/dev/null'],
    {
      cwd: '/',
      env: { ...bareEnvironment, ...env, SHELL: '/bin/sh', TERM: 'dumb' },
      stdio: 'pipe',
      ...unprivilegedIds(),
    },
  );
  const disarm = onExit(() => child.kill('SIGKILL'));
  const limit = setTimeout(() => child.kill('SIGKILL'), 60_000);
  let shown = '';
  let hasTyped = false;
  child.stdin.on('error', () => undefined);
  child.stdout.on('data', (chunk: Buffer) => {
    shown += chunk.toString('utf8');
    if (hasTyped || !shown.includes(question)) return;
    hasTyped = true;
    // Not the end of the input: script would type Control-D.
    child.stdin.write(keys);
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (exitCode, signal) => {
      clearTimeout(limit);
      disarm();
      if (signal === null) resolve({ shown: shown.replaceAll('\r\n', '\n'), exitCode });
      else reject(new Error(`${command}: ${signal} after it showed ${shown}`));
    });
  });
}
