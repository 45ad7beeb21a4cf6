import type { Call } from "../../src/breaker/policy/call-scope.ts";
import type { Work } from "../../src/breaker/policy/policy.ts";

/** One call that a policy has made, to be answered by the test. */
export interface MadeCall {
  readonly call: Call;
  answer(value: string): void;
  fail(error: unknown): void;
}

/** What a policy calls: it answers when and as the test says. */
export class ScriptedWork {
  readonly calls: MadeCall[] = [];

  readonly work: Work<string> = (call) => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    this.calls.push({ call, answer: resolve, fail: reject });
    return promise;
  };

  /** The call of that number, from 0 on. */
  at(index: number): MadeCall {
    const made = this.calls[index];
    if (made === undefined) throw new Error(`only ${this.calls.length} calls were made`);
    return made;
  }
}

/** Lets everything run that waits for a promise only. */
export async function turn(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** What a promise has come to by now: its value, its error, or `pending`. */
export async function stateOf(promise: Promise<unknown>): Promise<unknown> {
  let state: unknown = "pending";
  promise.then(
    (value) => {
      state = value;
    },
    (error) => {
      state = error;
    },
  );
  await turn();
  return state;
}
