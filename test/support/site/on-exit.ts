/**
 * The clean-up when this process ends for any reason but SIGKILL: stop servers, remove scratch directories. The work
 * registered last runs first, so a server stops before its directory is removed.
 */
const duties: (() => void)[] = [];
let isListening = false;

/** Registers a synchronous duty; the returned function runs it now and forgets it. */
export function onExit(duty: () => void): () => void {
  if (!isListening) listen();
  duties.push(duty);
  return () => {
    const index = duties.indexOf(duty);
    if (index === -1) return;
    duties.splice(index, 1);
    duty();
  };
}

function listen(): void {
  isListening = true;
  process.once('exit', runDuties);
  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)
    process.on(signal, () => {
      // Under vitest, process.exit throws while tests run.
      runDuties();
      process.exit(status);
    });
}

/** Runs all duties now and forgets them. */
export function runDuties(): void {
  for (let duty = duties.pop(); duty !== undefined; duty = duties.pop()) {
    try {
      duty();
    } catch (error) {
      process.stderr.write(`cleaning up: ${String(error)}\n`);
    }
  }
}
