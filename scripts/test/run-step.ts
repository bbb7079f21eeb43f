import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import type { Step } from './steps.ts';

export interface StepResult {
  readonly passed: number;
  readonly failed: number;
  /** All that the step printed. */
  readonly output: string;
}

/** A test that waits for ever fails, instead of holding up all that follow. */
const hungAfterMs = 600_000;

/** A check counts as one; a suite counts its tests. Skipped and cancelled tests count as failed, and so does nothing. */
export async function runStep(step: Step, root: string): Promise<StepResult> {
  if (step.kind === 'check') {
    const { status, output } = await runCommand('npm', ['run', '--silent', step.npmScript], root);
    return status === 0 ? { passed: 1, failed: 0, output } : { passed: 0, failed: 1, output };
  }
  const files = globSync([...step.files], { cwd: root }).toSorted();
  if (files.length === 0) return { passed: 0, failed: 1, output: `no test files: ${step.files.join(' ')}\n` };
  const flags = [
    '--test',
    '--test-reporter=spec',
    `--test-concurrency=${step.concurrency}`,
    `--test-timeout=${hungAfterMs}`,
  ];
  const { status, output } = await runCommand(process.execPath, [...flags, ...files], root);
  return countTests(status, output);
}

function countTests(status: number, output: string): StepResult {
  const count = (what: string) => Number(new RegExp(`^ℹ ${what} (\\d+)$`, 'm').exec(output)?.[1] ?? 0);
  const passed = count('pass');
  const failed = count('fail') + count('cancelled') + count('skipped') + count('todo');
  const isAmiss = status !== 0 || passed === 0;
  return { passed, failed: failed === 0 && isAmiss ? 1 : failed, output };
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
