import type { MakeOperator, Operator } from "./operators.ts";
import type { FormatSource } from "./source.ts";

type Ask = (source: FormatSource, name: string) => string | undefined;

const REQUEST: Ask = (source, name) => source.requestHeader(name);
const RESPONSE: Ask = (source, name) => source.responseHeader(name);
const TRAILER: Ask = (source, name) => source.responseTrailer(name);

/** Operators that read heads, trailers and the path. */
export const HEADER_OPERATORS: Readonly<Record<string, MakeOperator>> = {
  REQ: (argument) => header("REQ", argument, REQUEST),
  REQUEST_HEADER: (argument) => header("REQUEST_HEADER", argument, REQUEST),
  RESP: (argument) => header("RESP", argument, RESPONSE),
  RESPONSE_HEADER: (argument) => header("RESPONSE_HEADER", argument, RESPONSE),
  TRAILER: (argument) => header("TRAILER", argument, TRAILER),
  RESPONSE_TRAILER: (argument) => header("RESPONSE_TRAILER", argument, TRAILER),
  PATH: path,
  QUERY_PARAM: queryParameter,
  QUERY_PARAMS: queryParameters,
};

/** `X?Y`: the header X, or where it is missing, Y. */
function header(operator: string, argument: string, ask: Ask): Operator | string {
  const [first = "", second = "", ...more] = argument.toLowerCase().split("?");
  if (first === "" || more.length > 0) {
    return `${operator} takes one or two names: ${operator}(X?Y)`;
  }
  if (second === "") return (source) => ask(source, first);
  return (source) => ask(source, first) ?? ask(source, second);
}

/** Which of the paths: before the route has changed it, after, or the first that there is. */
const PATHS: Readonly<Record<string, (source: FormatSource) => string | undefined>> = {
  ORIG: originalPath,
  PATH: (source) => source.requestHeader(":path"),
  ORIG_OR_PATH: (source) => originalPath(source) ?? source.requestHeader(":path"),
};

const WHOLE_PATH = "WQ";
const PATH_ALONE = "NQ";

function originalPath(source: FormatSource): string | undefined {
  return source.requestHeader("x-envoy-original-path");
}

/** `%PATH(WQ|NQ:X)%`: with the query or without. */
function path(argument: string): Operator | string {
  const [part = "", which = "ORIG_OR_PATH", ...more] = argument.split(":");
  const ask = Object.hasOwn(PATHS, which) ? PATHS[which] : undefined;
  const known = part === "" || part === WHOLE_PATH || part === PATH_ALONE;
  if (ask === undefined || !known || more.length > 0) {
    return `PATH takes WQ or NQ, and one of ${Object.keys(PATHS).join(", ")}: PATH(NQ:ORIG)`;
  }
  if (part !== PATH_ALONE) return ask;
  return (source) => ask(source)?.split("?", 1)[0];
}

function queryOf(source: FormatSource): string | undefined {
  const whole = source.requestHeader(":path") ?? "";
  const at = whole.indexOf("?");
  return at < 0 ? undefined : whole.slice(at + 1);
}

function queryParameter(name: string): Operator | string {
  if (name === "") return "QUERY_PARAM takes a name: QUERY_PARAM(X)";
  return (source) => {
    const query = queryOf(source);
    if (query === undefined) return undefined;
    return valueIn(query, name);
  };
}

/** The first of that name. Escapes are undone, but a plus is no blank, as in Envoy. */
function valueIn(query: string, name: string): string | undefined {
  for (const pair of query.split("&")) {
    const equals = pair.indexOf("=");
    const key = equals < 0 ? pair : pair.slice(0, equals);
    if (unescaped(key) === name) return equals < 0 ? "" : unescaped(pair.slice(equals + 1));
  }
  return undefined;
}

/** Bytes stay bytes: `%e9` is one character. */
function unescaped(text: string): string {
  return text.replaceAll(/%([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
}

function queryParameters(argument: string): Operator | string {
  return argument === "" || argument === "ORIG" ? queryOf : "QUERY_PARAMS takes ORIG, or nothing";
}
