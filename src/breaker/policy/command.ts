import { circuitBreaker } from "../circuit-breaker.ts";
import type { Command } from "../command/command.ts";
import type { CommandOptions } from "../command/options.ts";
import { type Call, CallScope } from "./call-scope.ts";
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
    const { attempt, repeatable } = outer;
    const inner: Work<unknown> = ({ signal }) =>
      work(new CallScope(undefined, attempt, { signal, repeatable }));
    return this.#guarded.within(outer)(inner) as Promise<T>;
  }
}

/**
 * A whole Hystrix command as one policy, with circuit, bulkhead, timeout and statistics: what
 * `circuitBreaker` does for one function, for whatever is called. Fallbacks go around it.
 */
export function command(options: CommandOptions = {}): CommandPolicy {
  return new GuardingPolicy(options);
}
