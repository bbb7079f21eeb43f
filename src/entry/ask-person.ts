/** A question to the person at the terminal, who answers with a line. */
import { createInterface } from 'node:readline/promises';
import { WalvaultError } from '../base/errors/errors.ts';

/** The answer; empty at the end of the input. @throws WalvaultError `interrupted` */
export async function askPerson(question: string, signal: AbortSignal): Promise<string> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  // Control-C in the line would only end the question.
  terminal.on('SIGINT', () => process.kill(process.pid, 'SIGINT'));
  const ended = new Promise<string>(resolve => terminal.once('close', () => resolve('')));
  try {
    return await Promise.race([terminal.question(question, { signal }), ended]);
  } catch (error) {
    if (signal.aborted) throw new WalvaultError('interrupted', 'interrupted', { cause: error });
    throw error;
  } finally {
    terminal.close();
  }
}
