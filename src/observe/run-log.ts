/** The log of one run: every event, without secrets, to standard error and to the log file, if there is one. */
import { hostname } from 'node:os';
import { userName } from '../base/account.ts';
import { walvaultVersion } from '../base/build-info.ts';
import type { Outsider } from '../base/files/outsider.ts';
import type { LogLevel, Verbosity } from '../base/log-level.ts';
import { monotonicMs } from '../base/time/clock.ts';
import type { Event, Log } from './events/events.ts';
import type { RunFailed, RunInterrupted, RunStarted } from './events/run.ts';
import { createJsonLines, jsonLine } from './json-lines.ts';
import { LogFile } from './log-file.ts';
import { ProgressMeter } from './progress-meter.ts';
import type { Redactor } from './redact.ts';
import type { Sink } from './sink.ts';
import { createTextLog } from './text-log.ts';
import { textLines, wordsOf } from './words.ts';

export interface LogSettings {
  readonly format: 'text' | 'json';
  readonly file: string | undefined;
  /** As root: somebody else who may have named the file. */
  readonly fileChosenBy?: Outsider | undefined;
  /** Of the file; what standard error shows follows the command line. */
  readonly level: LogLevel;
}

export interface RunLogOptions extends Verbosity {
  readonly verb: string;
  /** The whole command line. */
  readonly argv: readonly string[];
  readonly stderr: (text: string) => void;
  readonly isTty: boolean;
  /** The width of the terminal as it is now. */
  readonly columns?: (() => number | undefined) | undefined;
  readonly redactor: Redactor;
  /** From the command line: they win over the configuration. */
  readonly given: Partial<LogSettings>;
  /** Milliseconds, monotonic. */
  readonly now?: () => number;
}

export class RunLog implements Log {
  readonly #options: RunLogOptions;
  readonly #now: () => number;
  readonly #startedAt: number;
  readonly #meter: ProgressMeter;
  #repositories: readonly string[] = [];
  #format: LogSettings['format'] = 'text';
  #stderr: Sink;
  #file: LogFile | undefined;
  #hasBegun = false;

  constructor(options: RunLogOptions) {
    this.#options = options;
    this.#now = options.now ?? monotonicMs;
    this.#startedAt = this.#now();
    this.#meter = new ProgressMeter(this.#now);
    this.#stderr = this.#open({ format: 'text', file: undefined, level: 'info', ...options.given });
  }

  /** Called once the configuration is known, before most events. */
  configure(settings: LogSettings, repositories: readonly string[]): void {
    this.close();
    this.#repositories = repositories;
    this.#stderr = this.#open({ ...settings, ...this.#options.given });
    this.#begin();
  }

  emit(event: Event): void {
    this.#begin();
    if (event.kind !== 'progress') {
      this.#write(event, this.#sinks());
      return;
    }
    const measured = this.#meter.measure(event);
    for (const sink of this.#sinks()) sink.progress(measured);
  }

  /**
   * For an event that standard error shows as text in a form of its own.
   * @returns true when standard error has it already, as JSON
   */
  report(event: RunFailed | RunInterrupted): boolean {
    this.emit(event);
    return this.#format === 'json';
  }

  end(exitStatus: number): void {
    if (!this.#hasBegun || !this.#wants('debug')) return;
    const { verb } = this.#options;
    const durationMs = Math.round(this.#now() - this.#startedAt);
    this.emit({ kind: 'run-ended', verb, exitStatus, durationMs });
  }

  /** The line for an event that another process shows; the log file has it as well. */
  lineFor(event: Event): { readonly level: LogLevel; readonly text: string } {
    const clean = this.#options.redactor.redactValues(event);
    const words = wordsOf(clean);
    if (this.#file?.takes(words.level) === true) this.#file.write(clean, words);
    const text = this.#format === 'json' ? jsonLine(clean, words, new Date()) : textLines(words);
    return { level: words.level, text };
  }

  /** What `report` is to `emit`. Undefined: whoever asked says it in text. */
  reportFor(event: RunFailed): ReturnType<RunLog['lineFor']> | undefined {
    const line = this.lineFor(event);
    return this.#format === 'json' ? line : undefined;
  }

  /** @returns false when there is no log file */
  reopen(): boolean {
    this.#file?.reopen();
    return this.#file !== undefined;
  }

  /** Removes a progress line that is still shown, for other output. */
  makeRoom(): void {
    this.#stderr.close();
  }

  /** Removes a progress line that is still shown, and closes the file. Later events are shown all the same. */
  close(): void {
    for (const sink of this.#sinks()) sink.close();
  }

  #sinks(): Sink[] {
    return this.#file === undefined ? [this.#stderr] : [this.#file, this.#stderr];
  }

  #wants(level: LogLevel): boolean {
    return this.#sinks().some(sink => sink.takes(level));
  }

  /** @returns the sink for standard error; sets the file's */
  #open({ format, file, fileChosenBy, level }: LogSettings): Sink {
    const { stderr, redactor } = this.#options;
    this.#format = format;
    const now = this.#now;
    this.#file =
      file === undefined
        ? undefined
        : new LogFile({
            path: file,
            chosenBy: fileChosenBy,
            format,
            level,
            now,
            onProblem: problem =>
              this.#write({ kind: 'log-file-unwritable', path: file, problem }, [this.#stderr]),
          });
    if (format === 'json') return createJsonLines({ ...this.#options, now });
    return createTextLog({ ...this.#options, now, stderr: text => stderr(redactor.redact(text)) });
  }

  #begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    // Names of user and host are looked up only where somebody wants them: most pushes are silent.
    if (this.#wants('debug')) this.#write(this.#started(), this.#sinks());
  }

  #write(event: Event, sinks: readonly Sink[]): void {
    const clean = this.#options.redactor.redactValues(event);
    const words = wordsOf(clean);
    for (const sink of sinks) if (sink.takes(words.level)) sink.write(clean, words);
  }

  #started(): RunStarted {
    const { verb, argv } = this.#options;
    return {
      kind: 'run-started',
      verb,
      arguments: withoutSecrets(argv),
      user: userName(),
      host: hostname(),
      pid: process.pid,
      version: walvaultVersion(),
      repositories: this.#repositories,
    };
  }
}

const telltale = /^--[\w-]*(key|secret|token|passphrase|password|connection)/;

/** Values of options by such a name are left out, whatever they are: some name files. */
function withoutSecrets(argv: readonly string[]): string[] {
  return argv.map((word, index) => {
    if (telltale.test(word)) return word.replace(/=[^]*/, '=***');
    const before = argv[index - 1] ?? '';
    return telltale.test(before) && !before.includes('=') && !word.startsWith('-') ? '***' : word;
  });
}
