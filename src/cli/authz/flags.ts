import { FIELD_NAME } from "../../base/grammar/field-name.ts";
import { parseIp } from "../../base/ip-address.ts";
import type { MetadataFields, MetadataValue } from "../../proxy/filters/dynamic-metadata.ts";
import type { AskedRequest, Caller, Question } from "./question.ts";

/** What commander has read of `authz check`. */
export interface CheckFlags {
  readonly from?: string;
  readonly to?: string;
  readonly header?: readonly string[];
  readonly jwtClaim?: readonly string[];
  readonly sourceIp?: string;
  readonly remoteIp?: string;
  readonly tcp?: boolean;
  readonly sni?: string;
  readonly control?: string;
  readonly tokenFile?: string;
  readonly output?: string;
}

/** What the command line asks, or everything that is wrong with it. */
export interface CheckArguments {
  /** One for each caller. */
  readonly questions: readonly Question[];
  readonly paths: readonly string[];
  readonly problems: readonly string[];
}

export function readCheck(words: readonly string[], flags: CheckFlags): CheckArguments {
  const problems: string[] = [];
  const tcp = flags.tcp === true;
  const paths = tcp ? words : words.slice(0, -2);
  const [method, path] = tcp ? [] : words.slice(-2);
  if (!tcp) checkRequest(method, path, problems);
  if (flags.control === undefined && paths.length === 0) {
    problems.push("PATH is missing: which files or folders are the mesh? (or --control URL)");
  }
  if (flags.control !== undefined && paths.length > 0) {
    problems.push("--control asks a running mesh: it takes no files");
  }
  for (const name of ["sourceIp", "remoteIp"] as const) {
    const text = flags[name];
    if (text !== undefined && parseIp(text) === undefined) {
      problems.push(`--${name === "sourceIp" ? "source-ip" : "remote-ip"} ${text}: no IP address`);
    }
  }
  if (!["text", "json"].includes(flags.output ?? "text")) {
    problems.push(`-o ${flags.output}: not text or json`);
  }
  const { service, port } = readDestination(flags.to, problems);
  const request: AskedRequest | undefined = tcp
    ? undefined
    : {
        method: method ?? "",
        path: path ?? "",
        headers: (flags.header ?? [])
          .map((text) => readHeader(text, problems))
          .filter((header) => header !== undefined),
        claims: readClaims(flags.jwtClaim ?? [], problems),
      };
  const questions = readCallers(flags.from, problems).map((caller) => ({
    caller,
    service,
    port,
    request,
    sourceIp: flags.sourceIp,
    remoteIp: flags.remoteIp,
    serverName: flags.sni,
  }));
  return { questions, paths, problems };
}

/** What may stand in a request's target (RFC 9112 section 3.2), and proxies let pass. */
const SENDABLE = /^[!"$-~]*$/;

function checkRequest(
  method: string | undefined,
  path: string | undefined,
  problems: string[],
): void {
  if (method === undefined || path === undefined) {
    problems.push("METHOD PATH are missing: what is asked? (--tcp: a connection)");
    return;
  }
  if (!/^[A-Z][A-Z-]*$/.test(method)) problems.push(`METHOD ${method}: not GET, POST, …`);
  if (!SENDABLE.test(path)) problems.push(`PATH ${path}: holds what has to be escaped, as %23`);
  if (!path.startsWith("/") && path !== "*") problems.push(`PATH ${path}: does not begin with /`);
}

/** `shop/web`, `outside`, or several of them with commas between. */
function readCallers(from: string | undefined, problems: string[]): (Caller | undefined)[] {
  if (from === undefined || from === "") {
    problems.push("--from is missing: NAMESPACE/SERVICEACCOUNT, or outside");
    return [];
  }
  return from.split(",").map((text) => {
    if (text === "outside") return undefined;
    const [namespace = "", serviceAccount = "", ...rest] = text.split("/");
    if (namespace === "" || serviceAccount === "" || rest.length > 0) {
      problems.push(`--from ${text}: not NAMESPACE/SERVICEACCOUNT or outside`);
    }
    return { namespace, serviceAccount };
  });
}

function readDestination(
  to: string | undefined,
  problems: string[],
): Pick<Question, "service" | "port"> {
  const [, service = "", port] = /^(.+?)(?::(\d+))?$/.exec(to ?? "") ?? [];
  if (service === "") problems.push("--to is missing: SERVICE or SERVICE:PORT");
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535)) {
    problems.push(`--to ${to}: no port from 1 to 65535`);
  }
  return { service, port: port === undefined ? undefined : Number(port) };
}

function readHeader(text: string, problems: string[]): readonly [string, string] | undefined {
  const colon = text.indexOf(":");
  const name = text.slice(0, Math.max(0, colon)).trim().toLowerCase();
  if (FIELD_NAME.test(name)) return [name, text.slice(colon + 1).trim()];
  problems.push(`-H ${text}: not NAME:VALUE`);
  return undefined;
}

/** Texts by their names; claims may hold claims. */
type Claims = Map<string, readonly string[] | Claims>;

/** `iss=me`, `groups=a` and `groups=b` for a list, `realm[role]=x` for a claim inside another. */
function readClaims(texts: readonly string[], problems: string[]): MetadataFields | undefined {
  if (texts.length === 0) return undefined;
  const claims: Claims = new Map();
  for (const text of texts) {
    const [, name = "", inner = "", value] = /^([^=[]+)((?:\[[^\]]+\])*)=(.*)$/s.exec(text) ?? [];
    if (value === undefined) problems.push(`--jwt-claim ${text}: not NAME=VALUE`);
    else addClaim(claims, [name, ...inner.split(/[[\]]+/).filter((part) => part !== "")], value);
  }
  return fieldsOf(claims);
}

function addClaim(claims: Claims, [name = "", ...rest]: readonly string[], value: string): void {
  const before = claims.get(name);
  if (rest.length === 0) {
    claims.set(name, before === undefined || before instanceof Map ? [value] : [...before, value]);
    return;
  }
  const inner: Claims = before instanceof Map ? before : new Map();
  claims.set(name, inner);
  addClaim(inner, rest, value);
}

function fieldsOf(claims: Claims): MetadataFields {
  const fields = [...claims].map(([name, value]): [string, MetadataValue] => {
    if (value instanceof Map) return [name, fieldsOf(value)];
    return [name, value.length === 1 ? (value[0] ?? "") : value];
  });
  return Object.fromEntries(fields);
}
