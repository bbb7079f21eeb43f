/** A question to the person at the terminal, who answers with a line. */
import { createInterface } from 'node:readline/promises';
import { orAborted } from '../base/time/wait.ts';

/** The answer; empty at the end of the input. @throws WalvaultError `interrupted` */
export async function askPerson(question: string, signal: AbortSignal): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // What is said next begins on a line of its own.
  const leaveLine = () => process.stderr.write('\n');
  terminal.on('SIGINT', () => {
    leaveLine();
    // Control-C in the line would only end the question.
    process.kill(process.pid, 'SIGINT');
  });
  let isOver = false;
  const ended = new Promise<string>(resolve =>
    terminal.once('close', () => {
      if (!isOver) leaveLine();
      resolve('');
    }),
  );
  try {
    return await orAborted(Promise.race([terminal.question(question), ended]), signal);
  } finally {
    isOver = true;
    terminal.close();
  }
}
