import { ID } from "../../../codec/http/header-name.ts";
import type { HeaderTable } from "../../../codec/http/header-table.ts";
import type { ResponseMessage } from "../../../codec/http/message.ts";

/** Fields of a request that an answer goes by, in lower case. */
export type VaryNames = readonly string[];

/** More than these are not honoured: such an answer is not kept. */
const VARY_NAMES_MAX = 16;
const OK = 200;

/**
 * Directives with which an answer is for one client, or must not be shown without asking again
 * (RFC 9111 section 5.2.2): a kept answer is shown when nobody can be asked.
 */
const FORBIDDING: ReadonlySet<string> = new Set([
  "no-store",
  "no-cache",
  "private",
  "must-revalidate",
  "proxy-revalidate",
  "must-understand",
]);

/** An answer with one of these is for one client, or not the whole resource. */
const FORBIDDING_FIELDS: readonly string[] = [
  "set-cookie2",
  "content-range",
  "www-authenticate",
  "trailer",
];

/** What a kept answer has to be told of by its head. */
export interface Keepable {
  readonly vary: VaryNames;
  /** How long it is fresh by its own word, seconds; 0: it does not say. */
  readonly freshS: number;
  /** It must not be shown once it is stale: `s-maxage` (RFC 9111 section 4.2.4). */
  readonly freshOnly: boolean;
  /** How old it was when it came, seconds. */
  readonly ageS: number;
}

/** Whether an answer may be shown to whoever asks the same later; undefined: it may not. */
export function keepableOf({ body, headers, status }: ResponseMessage): Keepable | undefined {
  // Where the connection's end is the answer's, nobody knows whether it came whole.
  if (status !== OK || body === "untilClose") return undefined;
  if (
    headers.has(ID["set-cookie"]) ||
    FORBIDDING_FIELDS.some((name) => headers.findName(name) >= 0)
  ) {
    return undefined;
  }
  const vary = varyOf(headers);
  const directives = directivesOf(headers);
  if (vary === undefined || directives === undefined) return undefined;
  const shared = directives.get("s-maxage");
  const freshS = secondsOf(shared ?? directives.get("max-age") ?? "");
  const ageS = secondsOf(headers.joined("age") ?? "");
  return { vary, freshS, freshOnly: shared !== undefined, ageS };
}

/** `vary: *` says that something else than fields counts. */
function varyOf(headers: HeaderTable): VaryNames | undefined {
  const said = headers.joined("vary");
  if (said === undefined) return [];
  const names = said
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "");
  return names.includes("*") || names.length > VARY_NAMES_MAX ? undefined : names;
}

/** Undefined: one of them forbids it. */
function directivesOf(headers: HeaderTable): ReadonlyMap<string, string> | undefined {
  const found = new Map<string, string>();
  const said = headers.joined("cache-control") ?? "";
  for (const directive of said.split(",")) {
    const [name = "", value = ""] = directive.split("=");
    const word = name.trim().toLowerCase();
    if (FORBIDDING.has(word)) return undefined;
    found.set(word, value.trim());
  }
  // HTTP/1.0's word for no-cache.
  if ((headers.joined("pragma") ?? "").toLowerCase().includes("no-cache")) return undefined;
  return found;
}

const DIGITS = /^"?(\d{1,9})"?$/;

function secondsOf(text: string): number {
  return Number(DIGITS.exec(text)?.[1] ?? 0);
}
