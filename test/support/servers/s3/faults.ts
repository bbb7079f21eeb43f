/** Faults for the S3 imitation: the requests that fail, how often, and how. */

export type FaultEffect =
  /** An error instead of doing the work. */
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly code: string;
      readonly headers?: Record<string, string>;
    }
  /** The connection is reset after so many bytes of the request's body. */
  | { readonly kind: 'reset-request'; readonly afterBytes: number }
  /** The work is done, and the connection reset instead of an answer. */
  | { readonly kind: 'lost-response' }
  /** The whole length is announced, the connection is closed after so many bytes. */
  | { readonly kind: 'truncate'; readonly afterBytes: number }
  /** One bit of the answer's body is flipped. */
  | { readonly kind: 'corrupt' }
  /** The answer never comes. */
  | { readonly kind: 'stall' }
  | { readonly kind: 'delay'; readonly ms: number };

export interface Fault {
  readonly method?: string;
  readonly key?: RegExp;
  /** A parameter that the query must hold: `uploadId`, `delete`, `list-type`. */
  readonly query?: string;
  /** Matching requests that still pass. */
  readonly skip?: number;
  /** How many then fail; default 1. */
  readonly times?: number;
  readonly effect: FaultEffect;
}

export interface SeenRequest {
  readonly method: string;
  readonly key: string;
  readonly query: URLSearchParams;
}

export class Faults {
  #planned: { readonly fault: Fault; skip: number; times: number }[] = [];

  inject(fault: Fault): void {
    this.#planned.push({ fault, skip: fault.skip ?? 0, times: fault.times ?? 1 });
  }

  clear(): void {
    this.#planned = [];
  }

  /** The effect this request is to suffer; using it up. */
  take(request: SeenRequest): FaultEffect | undefined {
    for (const planned of this.#planned) {
      const { method, key, query, effect } = planned.fault;
      if (method !== undefined && method !== request.method) continue;
      if (key !== undefined && !key.test(request.key)) continue;
      if (query !== undefined && !request.query.has(query)) continue;
      if (planned.skip-- > 0) continue;
      if (planned.times-- > 0) return effect;
    }
    return undefined;
  }
}
