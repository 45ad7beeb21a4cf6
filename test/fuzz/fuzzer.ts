import type { Random } from "../../src/base/random.ts";
import { Mutator } from "./mutator.ts";
import { savedInputs } from "./saved-inputs.ts";
import type { FuzzTarget } from "./target/target.ts";

/** An input that broke a rule, as short as it could be made. */
export interface Finding {
  readonly input: Buffer;
  readonly error: Error;
}

export interface FuzzResult {
  readonly executions: number;
  /** Different kinds of outcome that were seen. */
  readonly kinds: number;
  readonly finding: Finding | undefined;
}

const SHORTENINGS_MAX = 2000;

/** Runs the saved inputs, then new ones as long as `goesOn`; stops at the first finding. */
export async function fuzz(
  target: FuzzTarget,
  random: Random,
  goesOn: (executions: number) => boolean,
): Promise<FuzzResult> {
  const saved = savedInputs(target.name);
  const mutator = new Mutator(target, saved, random);
  const known = [...target.seeds, ...saved];
  let executions = 0;
  for (; executions < known.length || goesOn(executions); executions++) {
    const input = known[executions] ?? mutator.next();
    try {
      mutator.note(input, await target.run(input, random));
    } catch (error) {
      const shortest = await shorten(target, input, random);
      const finding = { input: shortest, error: error as Error };
      return { executions, kinds: mutator.kinds, finding };
    }
  }
  return { executions, kinds: mutator.kinds, finding: undefined };
}

/** Leaves parts out as long as a rule is still broken. */
async function shorten(target: FuzzTarget, input: Buffer, random: Random): Promise<Buffer> {
  let shortest = input;
  let left = SHORTENINGS_MAX;
  for (let part = input.length >> 1; part >= 1; part >>= 1) {
    for (let at = 0; at < shortest.length && left > 0; left--) {
      const shorter = Buffer.concat([shortest.subarray(0, at), shortest.subarray(at + part)]);
      if (await breaks(target, shorter, random)) shortest = shorter;
      else at += part;
    }
  }
  return shortest;
}

/** Cuts are by chance: a few of them are tried. */
async function breaks(target: FuzzTarget, input: Buffer, random: Random): Promise<boolean> {
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      await target.run(input, random);
    } catch {
      return true;
    }
  }
  return false;
}
