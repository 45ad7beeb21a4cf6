import type { Command } from "../command/command.ts";
import type { CommandOptions } from "../command/options.ts";
import { FailedResponseError } from "../errors.ts";
import type { Call, Repeatable } from "../policy/call-scope.ts";
import { type CommandPolicy, command } from "../policy/command.ts";
import type { Policy } from "../policy/policy.ts";
import { PerOrigin } from "./per-origin.ts";
import { repeatableOf } from "./repeatable.ts";

/** `fetch`, or what stands in for it. */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

export interface FetchOptions {
  /**
   * One for all requests, or one for each origin (`https://host:port`). Default: a Hystrix command
   * for each origin, by `command`.
   */
  readonly policy?: Policy<Response> | ((origin: string) => Policy<Response>);
  /** Of the commands of the origins, where there is no `policy`. Their name is the origin. */
  readonly command?: Omit<CommandOptions, "name">;
  /** Which answers count as failures. Default: status 500 and above. */
  readonly isFailure?: (response: Response) => boolean;
  /**
   * What may be sent again. Default: by method and `Idempotency-Key`; never where the body is a
   * stream or that of a Request.
   */
  readonly repeatable?: (input: string | URL | Request, init?: RequestInit) => Repeatable;
  /** Origins whose policy is remembered. Default 1000. */
  readonly maxOrigins?: number;
}

/** One call of a wrapped fetch, with all its tries. */
class Fetching {
  readonly #fetch: Fetch;
  readonly #isFailure: (response: Response) => boolean;
  readonly #input: string | URL | Request;
  readonly #init: RequestInit | undefined;
  readonly #caller: AbortSignal | undefined;
  #failed: Response[] = [];
  /** The caller has its answer. */
  #isOver = false;

  constructor(
    fetch: Fetch,
    isFailure: (response: Response) => boolean,
    input: string | URL | Request,
    init: RequestInit | undefined,
  ) {
    this.#fetch = fetch;
    this.#isFailure = isFailure;
    this.#input = input;
    this.#init = init;
    this.#caller = callerSignal(input, init);
  }

  async answer(policy: Policy<Response>, repeatable: Repeatable): Promise<Response> {
    const within = { signal: this.#caller, repeatable };
    try {
      const response = await policy.run((call) => this.#try(call), within);
      this.#endWith(response);
      return response;
    } catch (error) {
      const response = error instanceof FailedResponseError ? error.response : undefined;
      this.#endWith(response);
      if (response !== undefined) return response;
      throw error;
    }
  }

  async #try({ signal }: Call): Promise<Response> {
    this.#discardAllBut(undefined);
    // Whoever gives up after the headers gives up the body: `call` is over by then.
    const both = this.#caller === undefined ? signal : AbortSignal.any([signal, this.#caller]);
    // Called as a function: browsers' fetch is nobody's method.
    const fetch = this.#fetch;
    const response = await fetch(this.#input, { ...this.#init, signal: both });
    if (this.#isOver) discard(response);
    if (!this.#isFailure(response)) return response;
    this.#failed.push(response);
    throw new FailedResponseError(response);
  }

  #endWith(returned: Response | undefined): void {
    this.#isOver = true;
    this.#discardAllBut(returned);
  }

  /** Bodies that nobody will read would keep their connections. */
  #discardAllBut(returned: Response | undefined): void {
    for (const response of this.#failed) {
      if (response !== returned) discard(response);
    }
    this.#failed = [];
  }
}

function discard({ body }: Response): void {
  body?.cancel().catch(() => undefined);
}

export type GuardedFetch = Fetch & {
  /** Those of the origins, for metrics; none where there is a `policy`. */
  readonly commands: Iterable<Command>;
};

/**
 * `fetch` under a policy: `const guarded = wrapFetch(fetch)`. Answers with status 500 and above are
 * failures to the policy, though fetch resolves with them; the caller gets the last one as it came,
 * its body unread. Policies see a call until its headers are there; a timeout does not hold for the
 * body.
 */
export function wrapFetch(fetch: Fetch, options: FetchOptions = {}): GuardedFetch {
  const { policy, maxOrigins = 1000, isFailure = ({ status }) => status >= 500 } = options;
  const repeatable = options.repeatable ?? repeatableRequest;
  const commands = new PerOrigin(
    (name) => command({ group: "fetch", ...options.command, name }),
    maxOrigins,
  );
  const policies =
    policy === undefined
      ? commands
      : typeof policy === "function"
        ? new PerOrigin(policy, maxOrigins)
        : { of: () => policy };
  const guarded: Fetch = async (input, init) => {
    const fetching = new Fetching(fetch, isFailure, input, init);
    return fetching.answer(policies.of(originOf(input)), repeatable(input, init));
  };
  return Object.assign(guarded, { commands: { [Symbol.iterator]: () => breakersOf(commands) } });
}

function* breakersOf(commands: PerOrigin<CommandPolicy>): Generator<Command> {
  for (const { breaker } of commands.values()) yield breaker;
}

function callerSignal(
  input: string | URL | Request,
  init: RequestInit | undefined,
): AbortSignal | undefined {
  if (init?.signal !== undefined) return init.signal ?? undefined;
  return requestOf(input)?.signal;
}

/** By its shape: a Request of another fetch is none of this one's class. */
function requestOf(input: string | URL | Request): Request | undefined {
  return typeof input === "object" && "method" in input ? input : undefined;
}

function repeatableRequest(input: string | URL | Request, init?: RequestInit): Repeatable {
  const request = requestOf(input);
  return repeatableOf({
    method: (init?.method ?? request?.method ?? "GET").toUpperCase(),
    headers:
      init?.headers === undefined ? (request?.headers ?? new Headers()) : new Headers(init.headers),
    body: init?.body === undefined ? request?.body : init.body,
  });
}

/** "" where there is none: relative, outside a page. */
function originOf(input: string | URL | Request): string {
  const url = requestOf(input)?.url ?? String(input);
  const base = (globalThis as { location?: { href: string } }).location?.href;
  return URL.parse(url, base)?.origin ?? "";
}
