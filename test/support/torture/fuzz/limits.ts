/** The limits on one input, and on the process that parses it. */
export const mebibyte = 1024 ** 2;

/** Time of the processor: another process that keeps it busy makes no parser slow. */
export const longestCpuMs = 2000;
/** By the clock, for a parser that waits for what will never come. */
export const longestWaitMs = 20_000;
/** The resident memory of the process, Node itself included. */
export const mostResidentBytes = 384 * mebibyte;
/** The part of it for V8's own heap. */
export const mostHeapMebibytes = 256;
/** What an input may write to disk. */
export const mostWrittenBytes = 64 * mebibyte;
