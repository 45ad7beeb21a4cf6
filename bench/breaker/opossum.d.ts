/** What we use of opossum, which brings no types. */
declare module "opossum" {
  export interface Options {
    readonly timeout?: number | false;
    readonly errorThresholdPercentage?: number;
    readonly resetTimeout?: number;
    readonly rollingCountTimeout?: number;
    readonly rollingCountBuckets?: number;
    readonly volumeThreshold?: number;
    readonly capacity?: number;
    readonly errorFilter?: (error: unknown) => boolean;
    readonly abortController?: AbortController;
  }

  export default class CircuitBreaker<A extends unknown[], R> {
    constructor(action: (...args: A) => Promise<R>, options?: Options);
    readonly opened: boolean;
    readonly halfOpen: boolean;
    readonly stats: { readonly latencyTimes: readonly number[] };
    fire(...args: A): Promise<R>;
    open(): void;
    shutdown(): void;
  }
}
