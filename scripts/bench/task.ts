/** The tasks of the bench of the drivers, and their results. */
export type Scheme = 'http' | 'https';

export const clouds = ['s3', 'gcs', 'azure'] as const;
export type Cloud = (typeof clouds)[number];

export interface BenchTask {
  /** `bare`: a plain request of node:http(s). */
  readonly driver: 'bare' | 'directory' | Cloud;
  readonly operation: 'put' | 'get';
  /** `http://127.0.0.1:port`. */
  readonly origin: string;
  readonly sizeBytes: number;
  readonly count: number;
}

export interface Measured {
  /** User and system time of the client's process, without its start and warming up. */
  readonly cpuMs: number;
}
