/** What undici gives a handler to hold its request by. */
export interface Controller {
  readonly aborted: boolean;
  abort(reason: Error): void;
}

/** undici's handler of one request, as of version 7. */
export interface RequestHandler {
  onRequestStart?(controller: never, context: unknown): void;
  onRequestUpgrade?(controller: never, status: number, headers: never, socket: never): void;
  onResponseStart?(controller: never, status: number, headers: never, text?: string): void;
  onResponseData?(controller: never, chunk: never): void;
  onResponseEnd?(controller: never, trailers: never): void;
  onResponseError?(controller: never, error: Error): void;
  onResponseStarted?(): void;
  onBodySent?(chunk: never): void;
  onRequestSent?(): void;
}

/** What of undici's options circuits need. */
export interface DispatchOptions {
  readonly origin?: string | URL;
}

/** undici's `dispatch`. */
export type Dispatch<O, H> = (options: O, handler: H) => boolean;

/** undici did not take the request: what it asks for is wrong. */
export function isCallersFault(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "UND_ERR_INVALID_ARG";
}

/** Who watches a request: hears of the first of these. */
export interface Watcher {
  onStatus(status: number): void;
  onError(error: Error): void;
  /** The caller gave it up. */
  onAbort(error: Error): void;
}

/** Passes everything on to a request's handler, and tells a watcher what becomes of it. */
export class WatchedRequest implements RequestHandler {
  readonly #handler: RequestHandler;
  #watcher: Watcher | undefined;
  #controller: Controller | undefined;
  #failed: Error | undefined;

  constructor(handler: RequestHandler, watcher: Watcher) {
    this.#handler = handler;
    this.#watcher = watcher;
  }

  /** Ends it with an error: by undici, where that has begun; else the handler hears at once. */
  fail(error: Error): void {
    this.#watcher = undefined;
    if (this.#controller !== undefined) {
      this.#controller.abort(error);
      return;
    }
    this.#failed = error;
    this.#handler.onResponseError?.(null as never, error);
  }

  onRequestStart(controller: never, context: unknown): void {
    this.#controller = controller as Controller;
    if (this.#failed === undefined) this.#handler.onRequestStart?.(controller, context);
    else this.#controller.abort(this.#failed);
  }

  onRequestUpgrade(controller: never, status: number, headers: never, socket: never): void {
    this.#take()?.onStatus(status);
    this.#handler.onRequestUpgrade?.(controller, status, headers, socket);
  }

  onResponseStart(controller: never, status: number, headers: never, text?: string): void {
    // Those below are interim: the answer comes after them.
    if (status >= 200) this.#take()?.onStatus(status);
    this.#handler.onResponseStart?.(controller, status, headers, text);
  }

  onResponseData(controller: never, chunk: never): void {
    this.#handler.onResponseData?.(controller, chunk);
  }

  onResponseEnd(controller: never, trailers: never): void {
    this.#handler.onResponseEnd?.(controller, trailers);
  }

  onResponseError(controller: never, error: Error): void {
    const watcher = this.#take();
    if ((controller as Controller | null)?.aborted === true) watcher?.onAbort(error);
    else watcher?.onError(error);
    // It has heard of one already.
    if (this.#failed === undefined) this.#handler.onResponseError?.(controller, error);
  }

  onResponseStarted(): void {
    this.#handler.onResponseStarted?.();
  }

  onBodySent(chunk: never): void {
    this.#handler.onBodySent?.(chunk);
  }

  onRequestSent(): void {
    this.#handler.onRequestSent?.();
  }

  #take(): Watcher | undefined {
    const watcher = this.#watcher;
    this.#watcher = undefined;
    return watcher;
  }
}
