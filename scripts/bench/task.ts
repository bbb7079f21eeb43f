export interface BenchTask {
  readonly driver: 'bare' | 's3' | 'directory';
  /** `stream`: one put of a body that is generated, of a size nobody announces in parts. */
  readonly operation: 'put' | 'get' | 'stream';
  /** `http://127.0.0.1:port`. */
  readonly origin: string;
  readonly sizeBytes: number;
  readonly count: number;
}

export interface Measured {
  /** User and system time of the client's process, without its start. */
  readonly cpuMs: number;
  readonly maxResidentBytes: number;
}
