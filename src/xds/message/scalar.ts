import { create } from "@bufbuild/protobuf";
import { type Duration, DurationSchema } from "@bufbuild/protobuf/wkt";

/** google.protobuf.Duration as milliseconds; 0 where it is not set. */
export function durationMs(duration: Duration | undefined): number {
  if (duration === undefined) return 0;
  return Number(duration.seconds) * 1000 + duration.nanos / 1_000_000;
}

export function durationOr(duration: Duration | undefined, defaultMs: number): number {
  return duration === undefined ? defaultMs : durationMs(duration);
}

export function toDuration(ms: number): Duration {
  const seconds = Math.floor(ms / 1000);
  const nanos = Math.round((ms - seconds * 1000) * 1_000_000);
  return create(DurationSchema, { seconds: BigInt(seconds), nanos });
}

/** The value of a table by number, as an enum's words; undefined where it has none. */
export function keyOf<K extends string>(
  words: Readonly<Record<K, number>>,
  value: number,
): K | undefined {
  for (const word in words) if (words[word] === value) return word;
  return undefined;
}

/** Undefined for the empty string: protobuf's strings have no presence. */
export function orUndefined(text: string): string | undefined {
  return text === "" ? undefined : text;
}
