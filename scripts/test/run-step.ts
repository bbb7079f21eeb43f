/** Runs one step of `npm test` and counts what passed. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { isTest } from './left-out.ts';
import { exitUnanswered, type Step } from './steps.ts';

export interface StepResult {
  readonly passed: number;
  readonly failed: number;
  /** All that the step printed. */
  readonly output: string;
  /** Vitest's own, of a suite; all that an inquiry printed. */
  readonly summary: string;
  /** Tests, and whole files of them, that were left out for want of a program here: a line for each, with the reason first. */
  readonly leftOut: readonly string[];
}

/** A check counts as one, an inquiry too if it was answered; a suite counts its tests. */
export async function runStep(step: Step, root: string): Promise<StepResult> {
  if (step.kind === 'check') {
    const { status, output } = await runCommand('npm', ['run', '--silent', step.npmScript], root);
    return { passed: status === 0 ? 1 : 0, failed: status === 0 ? 0 : 1, output, summary: '', leftOut: [] };
  }
  if (step.kind === 'inquiry') return runInquiry(step.npmScript, root);
  const vitest = resolve(root, 'node_modules/vitest/vitest.mjs');
  const args = [vitest, 'run', `--project=${step.name}`, '--reporter=default'];
  const notes = join(mkdtempSync(join(tmpdir(), 'walvault-left-out-')), 'notes');
  try {
    writeFileSync(notes, '');
    const { status, output } = await runCommand(process.execPath, args, root, {
      WALVAULT_TEST_LEFT_OUT: notes,
    });
    const leftOut = readFileSync(notes, 'utf8')
      .split('\n')
      .filter(line => line !== '');
    return { ...countTests(status, output, leftOut), output, leftOut };
  } finally {
    rmSync(dirname(notes), { recursive: true });
  }
}

/** It has the host's own environment: the way to a server outside may lead through its proxy. */
async function runInquiry(npmScript: string, root: string): Promise<StepResult> {
  const command = ['run', '--silent', npmScript];
  const { status, output } = await runCommand('npm', command, root, hostsProxies());
  const counts = { passed: status === 0 ? 1 : 0, failed: status === 0 || status === exitUnanswered ? 0 : 1 };
  return { ...counts, output, summary: output.trimEnd(), leftOut: [] };
}

/** `leftOut` has the tests that were skipped for want of a program. Other tests that were skipped or are yet to be written count as failed, and so does a suite that ran nothing. */
function countTests(
  status: number,
  output: string,
  leftOut: readonly string[],
): Omit<StepResult, 'output' | 'leftOut'> {
  const at = output.lastIndexOf('\n Test Files ');
  const summary = at === -1 ? '' : output.slice(at + 1).trimEnd();
  const tests = /^ *Tests .*$/m.exec(summary)?.[0] ?? '';
  const count = (what: string) => Number(new RegExp(`(\\d+) ${what}\\b`).exec(tests)?.[1] ?? 0);
  const passed = count('passed');
  const failed = count('failed') + count('skipped') - leftOut.filter(isTest).length + count('todo');
  const isAmiss = status !== 0 || passed + leftOut.length === 0;
  return { passed, failed: failed === 0 && isAmiss ? 1 : failed, summary };
}

function runCommand(
  program: string,
  args: readonly string[],
  cwd: string,
  more: Readonly<Record<string, string>> = {},
): Promise<{ status: number; output: string }> {
  process.umask(0o022);
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd,
      env: { ...neutralEnvironment(), ...more },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
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
  const own = Object.entries(process.env).filter(([name]) => !isOfProxies(name));
  return { ...Object.fromEntries(own), NO_COLOR: '1', FORCE_COLOR: '0' };
}

function hostsProxies(): Record<string, string> {
  const own = Object.entries(process.env).filter(([name]) => isOfProxies(name));
  return Object.fromEntries(own.map(([name, value]) => [name, value ?? '']));
}

function isOfProxies(name: string): boolean {
  return /^(https?|all|no)_proxy$/i.test(name);
}
