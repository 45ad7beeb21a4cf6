import { circuitBreaker } from "../circuit-breaker.ts";
import type { Command } from "../command/command.ts";
import type { CommandOptions } from "../command/options.ts";
import type { Call, CallScope, Repeatable } from "./call-scope.ts";
import { BasePolicy, type Policy, type Work } from "./policy.ts";

export interface CommandPolicy extends Policy {
  /** State, events and counts: what metrics show. */
  readonly breaker: Command;
}

class GuardingPolicy extends BasePolicy implements CommandPolicy {
  readonly breaker: Command;
  readonly #guarded;

  constructor(options: CommandOptions) {
    super();
    const guard = (call: Call, work: Work<unknown>): unknown => work(call);
    this.#guarded = circuitBreaker(guard, { name: "command", ...options, passCall: true });
    this.breaker = this.#guarded.breaker;
  }

  protected execute<T>(work: Work<T>, outer: CallScope): Promise<T> {
    const inner: Work<unknown> = (call) => work(new InnerCall(call, outer));
    const guarded = outer.isFree ? this.#guarded : this.#guarded.within(outer);
    return guarded(inner) as Promise<T>;
  }
}

/** The command's call, with what is known of it outside. */
class InnerCall implements Call {
  readonly attempt: number;
  readonly repeatable: Repeatable | undefined;
  readonly #call: Call;

  constructor(call: Call, { attempt, repeatable }: CallScope) {
    this.#call = call;
    this.attempt = attempt;
    this.repeatable = repeatable;
  }

  get signal(): AbortSignal {
    return this.#call.signal;
  }
}

/**
 * A whole Hystrix command as one policy, with circuit, bulkhead, timeout and statistics: what
 * `circuitBreaker` does for one function, for whatever is called. Fallbacks go around it.
 */
export function command(options: CommandOptions = {}): CommandPolicy {
  return new GuardingPolicy(options);
}
