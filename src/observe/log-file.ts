/** A file that many processes append to: each event is one line and one write. */
import { closeSync, writeSync } from 'node:fs';
import { describeSystemCode, messageOf, systemCode } from '../base/errors/errors.ts';
import type { Outsider } from '../base/files/outsider.ts';
import { logLevels, type LogLevel } from '../base/log-level.ts';
import { visibleText } from '../base/visible-text.ts';
import type { Event } from './events/events.ts';
import type { ProgressEvent } from './events/run.ts';
import { jsonLine } from './json-lines.ts';
import { openLog } from './open-log.ts';
import { linePace, type Sink } from './sink.ts';
import { wordsOf } from './words.ts';
import type { Words } from './words/table.ts';

export interface LogFileOptions {
  readonly path: string;
  /** As root: somebody else who may have named the path. */
  readonly chosenBy?: Outsider | undefined;
  readonly format: 'text' | 'json';
  /** Less important events are left out. */
  readonly level: LogLevel;
  /** Milliseconds, monotonic. */
  readonly now: () => number;
  /** Told once, until the file is opened anew; what follows is lost. */
  readonly onProblem: (problem: string) => void;
}

export class LogFile implements Sink {
  readonly #options: LogFileOptions;
  readonly #isProgressDue: () => boolean;
  #descriptor: number | undefined;
  #isBroken = false;

  constructor(options: LogFileOptions) {
    this.#options = options;
    this.#isProgressDue = linePace(options.now);
  }

  takes(level: LogLevel): boolean {
    return logLevels.indexOf(level) >= logLevels.indexOf(this.#options.level);
  }

  /** Never throws: no push fails because its log does. */
  write(event: Event, words: Words): void {
    if (this.#isBroken) return;
    const time = new Date();
    const line = this.#options.format === 'json' ? jsonLine(event, words, time) : textLine(words, time);
    try {
      this.#descriptor ??= openLog(this.#options.path, this.#options.chosenBy);
      const bytes = Buffer.from(line);
      if (writeSync(this.#descriptor, bytes) < bytes.length) throw new Error('a line was written in part');
    } catch (error) {
      this.#isBroken = true;
      const code = systemCode(error);
      this.#options.onProblem(code === undefined ? messageOf(error) : describeSystemCode(code));
    }
  }

  progress(event: ProgressEvent): void {
    if (this.takes('info') && this.#isProgressDue()) this.write(event, wordsOf(event));
  }

  /** The next event goes to the file that has the name by then: the old one was rotated away. */
  reopen(): void {
    this.close();
    this.#isBroken = false;
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}

/** `2026-11-29T21:31:28.123Z [4711] WARNING: <message> HINT: <hint>` */
function textLine({ level, message, hint }: Words, time: Date): string {
  const text = `${names[level]}: ${message}${hint === undefined ? '' : ` HINT: ${hint}`}`;
  return `${time.toISOString()} [${process.pid}] ${visibleText(text)}\n`;
}

const names: Record<LogLevel, string> = { debug: 'DEBUG', info: 'INFO', warn: 'WARNING', error: 'ERROR' };
