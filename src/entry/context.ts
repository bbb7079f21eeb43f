/** The parts of the process that a command may use: its signal, environment and output. */
import type { RunLog } from '../observe/run-log.ts';

/** A command uses no other part of the process. */
export interface CliContext {
  readonly signal: AbortSignal;
  readonly env: NodeJS.ProcessEnv;
  readonly stdout: (text: string) => void;
  /**
   * Writes results that are not text. False: nobody reads them any more. Without this function there are no such
   * results.
   */
  readonly stdoutBytes?: (chunk: Uint8Array) => Promise<boolean>;
  readonly stderr: (text: string) => void;
  /** Receives the log of the run, which the process edge ends. */
  readonly onLog?: (log: RunLog) => void;
  /** True if a person watches standard error: progress is then one line that is rewritten. */
  readonly isTty: boolean;
  /** Asks the person at the terminal for a line. Undefined: nobody is there. */
  readonly ask?: ((question: string) => Promise<string>) | undefined;
  /** The width of the terminal that shows the output. Undefined: there is no terminal. */
  readonly columns?: number | undefined;
  /** The width of the terminal that results go to. Undefined: they go to a file or another program. */
  readonly outputColumns?: number | undefined;
}
