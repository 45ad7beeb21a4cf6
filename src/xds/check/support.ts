/**
 * What is executed, as data: for each message type its fields. A field that is set and not listed
 * is refused by name, so that nobody's configuration is ignored in silence.
 */
export type FieldSupport =
  /** We do what it says; messages below are checked in their turn. */
  | { readonly kind: "executed" }
  /** Read and left: it names statistics, or changes nothing here. */
  | { readonly kind: "harmless" }
  /** Only these values: we do that anyway. Enum values by name, durations in milliseconds. */
  | { readonly kind: "only"; readonly values: readonly (string | number | boolean)[] }
  /** Refused with a sentence of its own. */
  | { readonly kind: "refused"; readonly reason: string };

export type MessageSupport = Readonly<Record<string, FieldSupport>>;
export type SupportTable = Readonly<Record<string, MessageSupport>>;

const EXECUTED: FieldSupport = { kind: "executed" };
const HARMLESS: FieldSupport = { kind: "harmless" };

/** Field names, separated by blanks, that are executed. */
export function executed(names: string): MessageSupport {
  return Object.fromEntries(words(names).map((name) => [name, EXECUTED]));
}

/** Field names that are accepted without effect. Say why beside the call. */
export function harmless(names: string): MessageSupport {
  return Object.fromEntries(words(names).map((name) => [name, HARMLESS]));
}

export function only(...values: (string | number | boolean)[]): FieldSupport {
  return { kind: "only", values };
}

export function refused(reason: string): FieldSupport {
  return { kind: "refused", reason };
}

function words(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}
