/** What the command line gets from the process; it never reaches for it itself. */
export interface CliContext {
  readonly signal: AbortSignal;
  readonly env: NodeJS.ProcessEnv;
  readonly stdout: (text: string) => void;
  /** Results that are not text. False: nobody reads them any more. Where it is missing there can be none. */
  readonly stdoutBytes?: (chunk: Uint8Array) => Promise<boolean>;
  readonly stderr: (text: string) => void;
  /** Whether a person watches standard error: then progress is one line that is rewritten. */
  readonly isTty: boolean;
}
