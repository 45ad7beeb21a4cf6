import { FIELD_NAME } from "../../base/grammar/field-name.ts";
import { regexProblem } from "../../base/regex.ts";

/** Rules for single values: what is wrong with a text, in Istio's words, or undefined. */

/** Milliseconds, or why the text is none that Istio takes. */
export type DurationReading = { readonly ms: number } | { readonly error: string };

const UNIT_NS: Readonly<Record<string, number>> = {
  h: 3_600_000_000_000,
  m: 60_000_000_000,
  s: 1_000_000_000,
  ms: 1_000_000,
  us: 1000,
  µs: 1000,
  ns: 1,
};

/**
 * Go's durations, at least `minimumMs` long and whole milliseconds. Istio's minimum is 1 ms;
 * 0 is for the fields whose zero means "never".
 */
export function readDuration(text: string, minimumMs = 1): DurationReading {
  const form = /^([-+]?)((?:\d+(?:\.\d*)?|\.\d+)(?:h|ms|m|s|us|µs|ns))+$/.exec(text);
  if (form === null && text !== "0") {
    return { error: "must be a valid duration, as 10s, 1m30s or 250ms" };
  }
  let nanoseconds = 0;
  for (const [, amount = "", unit = ""] of text.matchAll(/([\d.]+)(h|ms|m|s|us|µs|ns)/g)) {
    nanoseconds += Number(amount) * (UNIT_NS[unit] ?? 0);
  }
  if (form?.[1] === "-") nanoseconds = -nanoseconds;
  const rounded = Math.round(nanoseconds);
  if (rounded < minimumMs * 1_000_000) return { error: "duration must be greater than 1ms" };
  if (rounded % 1_000_000 !== 0) {
    return { error: "only durations to ms precision are supported" };
  }
  return { ms: rounded / 1_000_000 };
}

/** Istio bounds the text because Envoy bounds the program that RE2 makes of it. */
export const REGEX_LENGTH_MAX = 1024;

export function regexError(regex: string, where: string): string | undefined {
  if (regex === "") return `"${where}": regex string match should not be empty`;
  if (regex.length > REGEX_LENGTH_MAX) {
    return `"${where}": regex is too large, max length allowed is ${REGEX_LENGTH_MAX}`;
  }
  // Istio: a lone star, which is no regex, asks for presence.
  if (regex === "*") return undefined;
  const problem = regexProblem(regex);
  if (problem === undefined) return undefined;
  return `"${where}": ${problem}; Istio uses RE2 style regex-based match`;
}

export function portError(port: number): string | undefined {
  return port >= 1 && port <= 65_535
    ? undefined
    : `port number ${port} must be in the range 1..65535`;
}

export function portNameError(name: string): string | undefined {
  return /^[a-zA-Z0-9](?:[-a-zA-Z0-9]*[a-zA-Z0-9])?$/.test(name) && name.length <= 63
    ? undefined
    : `invalid port name: ${name}`;
}

/** Proxies refuse them: another length would cut the message elsewhere. */
const FRAMING = /^(?:content-length|transfer-encoding)$/i;

/** A header that rules may set; `:authority` and Host only in requests. */
export function headerNameError(name: string, authorityAllowed: boolean): string | undefined {
  if (name === "") return "header name cannot be empty";
  if (isAuthority(name) && authorityAllowed) return undefined;
  if (name.toLowerCase() === "host") return `invalid header "${name}": cannot set Host header`;
  if (name.startsWith(":")) return `invalid header "${name}": header cannot have ":" prefix`;
  if (FRAMING.test(name)) return `invalid header "${name}": it says how long the message is`;
  return FIELD_NAME.test(name) ? undefined : `header name ${name} is not a valid header name`;
}

export function isAuthority(name: string): boolean {
  const lower = name.toLowerCase();
  return lower === ":authority" || lower === "host";
}

/** Envoy's formatters, as `%REQ(x-a?y:z):10%`; a percent sign itself is `%%`. */
const FORMATTED = /^(?:[^%]|%%|%[A-Z][A-Z0-9_]*(?:\([^)]*\))?(?::\d+)?%)*$/;

export function headerValueError(value: string): string | undefined {
  const controls = [...value].some((character) => character !== "\t" && /\p{Cc}/u.test(character));
  if (controls) return "header value configuration is invalid: it holds control characters";
  if (FORMATTED.test(value)) return undefined;
  return `header value configuration: "${value}" has a lone %, which is written %%`;
}

const LABEL_KEY =
  /^(?:[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?\/)?[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const LABEL_VALUE = /^(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?$/;

export function labelError(key: string, value: string): string | undefined {
  const name = key.slice(key.indexOf("/") + 1);
  if (!LABEL_KEY.test(key) || name.length > 63) return `invalid tag key: "${key}"`;
  return LABEL_VALUE.test(value) && value.length <= 63
    ? undefined
    : `invalid tag value: "${value}"`;
}
