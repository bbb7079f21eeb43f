/** Waiting for work that may hang where nothing can interrupt it. */

export interface Silence {
  readonly limitMs: number;
  /** The last sign of life since, by the clock of `performance.now()`, if there was one. */
  lastSignAt(): number | undefined;
}

/** Undefined when nothing was heard of the work for the limit; what becomes of it then nobody learns. */
export async function unlessSilent<T>(
  work: Promise<T>,
  { limitMs, lastSignAt }: Silence,
): Promise<T | undefined> {
  const startedAt = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const silence = new Promise<undefined>(resolve => {
    const look = () => {
      const leftMs = Math.max(startedAt, lastSignAt() ?? 0) + limitMs - performance.now();
      if (leftMs <= 0) resolve(undefined);
      else timer = setTimeout(look, leftMs);
    };
    look();
  });
  try {
    return await Promise.race([work, silence]);
  } finally {
    clearTimeout(timer);
  }
}
