import type { Random } from "../../../src/base/random.ts";

/** What is fuzzed, and the rules that must hold for whatever bytes. */
export interface FuzzTarget {
  readonly name: string;
  /** Inputs to begin with: our own vectors. */
  readonly seeds: readonly Buffer[];
  /** Pieces that mean something, to be put in anywhere. */
  readonly tokens: readonly Buffer[];
  /** Changes an input as only this target's form allows; undefined: bytes are bytes. */
  readonly reshape?: (input: Buffer, random: Random) => Buffer;
  /**
   * Throws where a rule is broken. What it returns names the kind of thing that came out: inputs of
   * a new kind are worth changing further. `random` chooses cuts.
   */
  run(input: Buffer, random: Random): string | Promise<string>;
}

/** A rule that did not hold. */
export class BrokenRule extends Error {}

export function mustHold(holds: boolean, rule: string, found: () => string): void {
  if (!holds) throw new BrokenRule(`${rule}: ${found()}`);
}

/** The same bytes in up to seven pieces, or byte by byte. */
export function cutAnywhere(input: Buffer, random: Random): readonly Buffer[] {
  if (input.length < 300 && random.below(8) === 0) {
    return Array.from(input, (byte) => Buffer.from([byte]));
  }
  const places = Array.from({ length: 1 + random.below(6) }, () => random.below(input.length + 1));
  const cuts = [0, ...places.sort((a, b) => a - b), input.length];
  return cuts.slice(1).map((end, i) => input.subarray(cuts[i], end));
}

/** Any cut of the bytes gives the same events, and no more of them than bytes can pay for. */
export function eventsOfAnyCut(
  input: Buffer,
  random: Random,
  eventsOf: (pieces: readonly Buffer[]) => readonly string[],
): readonly string[] {
  const whole = eventsOf([input]);
  const pieces = cutAnywhere(input, random);
  const cut = eventsOf(pieces);
  const cuts = (): string => pieces.map(({ length }) => length).join("+");
  mustHold(
    whole.length === cut.length && whole.every((event, i) => event === cut[i]),
    "any cut gives the same events",
    () => `${cuts()} gives\n${cut.join("\n")}\ninstead of\n${whole.join("\n")}`,
  );
  const size = whole.reduce((sum, event) => sum + event.length, 0);
  mustHold(
    size <= input.length * EVENT_BYTES_PER_BYTE + EVENT_BYTES_FREE,
    "what comes out is bounded",
    () => `${size} characters of ${input.length} bytes`,
  );
  return whole;
}

/** One byte of HPACK can stand for a field of 4 KiB; one of HTTP/1.1 for itself. */
const EVENT_BYTES_PER_BYTE = 4200;
const EVENT_BYTES_FREE = 4096;

/** The first words of the events: what happened, not with what. */
export function kindOf(events: readonly string[]): string {
  return events.map((event) => event.trim().split(" ", 2).join(" ").slice(0, 40)).join("|");
}
