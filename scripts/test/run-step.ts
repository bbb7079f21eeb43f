/** Runs one step of `npm test` and counts what passed. */
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';
import type { Step } from './steps.ts';

export interface StepResult {
  readonly passed: number;
  readonly failed: number;
  /** All that the step printed. */
  readonly output: string;
  /** Vitest's own, of a suite. */
  readonly summary: string;
}

/** A check counts as one; a suite counts its tests. */
export async function runStep(step: Step, root: string): Promise<StepResult> {
  if (step.kind === 'check') {
    const { status, output } = await runCommand('npm', ['run', '--silent', step.npmScript], root);
    return { passed: status === 0 ? 1 : 0, failed: status === 0 ? 0 : 1, output, summary: '' };
  }
  const vitest = resolve(root, 'node_modules/vitest/vitest.mjs');
  const args = [vitest, 'run', `--project=${step.name}`, '--reporter=default'];
  const { status, output } = await runCommand(process.execPath, args, root);
  return { ...countTests(status, output), output };
}

/** Tests that were skipped or are yet to be written count as failed, and so does a suite that ran nothing. */
function countTests(status: number, output: string): Omit<StepResult, 'output'> {
  const at = output.lastIndexOf('\n Test Files ');
  const summary = at === -1 ? '' : output.slice(at + 1).trimEnd();
  const tests = /^ *Tests .*$/m.exec(summary)?.[0] ?? '';
  const count = (what: string) => Number(new RegExp(`(\\d+) ${what}\\b`).exec(tests)?.[1] ?? 0);
  const passed = count('passed');
  const failed = count('failed') + count('skipped') + count('todo');
  const isAmiss = status !== 0 || passed === 0;
  return { passed, failed: failed === 0 && isAmiss ? 1 : failed, summary };
}

function runCommand(
  program: string,
  args: readonly string[],
  cwd: string,
): Promise<{ status: number; output: string }> {
  process.umask(0o022);
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env: neutralEnvironment(), stdio: ['ignore', 'pipe', 'pipe'] });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.once('error', reject);
    child.once('close', status =>
      resolve({ status: status ?? 1, output: Buffer.concat(chunks).toString('utf8') }),
    );
  });
}

/** Tests talk to servers of their own and look at modes of files: neither a proxy nor a umask of the host's may matter. */
function neutralEnvironment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(https?|all|no)_proxy$/i.test(name));
  return { ...Object.fromEntries(own), NO_COLOR: '1', FORCE_COLOR: '0' };
}
