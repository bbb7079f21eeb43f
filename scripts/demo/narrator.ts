/** The output of the demo: numbered steps, the commands as a person would type them, their output and duration. */
import { formatDuration } from '../../src/base/units.ts';

export interface Narrator {
  /** Runs one step under its title and notes its duration. */
  step<T>(title: string, work: () => Promise<T>): Promise<T>;
  command(line: string): void;
  /** The output of a command, indented. */
  output(text: string): void;
  say(text: string): void;
  summary(): void;
}

export function createNarrator(print: (line: string) => void): Narrator {
  const timings: { title: string; elapsedMs: number }[] = [];
  const startedAt = performance.now();
  const indented = (text: string, by: string) => {
    for (const line of text.trimEnd().split('\n')) print(`${by}${line}`.trimEnd());
  };
  return {
    async step(title, work) {
      print(`\n${timings.length + 1}. ${title}`);
      const stepStartedAt = performance.now();
      const result = await work();
      timings.push({ title, elapsedMs: performance.now() - stepStartedAt });
      return result;
    },
    command: line => print(`   $ ${line}`),
    output: text => indented(text, '     '),
    say: text => indented(text, '   '),
    summary() {
      const width = Math.max(...timings.map(({ title }) => title.length));
      print('\nTimings');
      for (const { title, elapsedMs } of timings)
        print(`   ${title.padEnd(width)}  ${formatDuration(elapsedMs).padStart(8)}`);
      print(`   ${'together'.padEnd(width)}  ${formatDuration(performance.now() - startedAt).padStart(8)}`);
    },
  };
}
