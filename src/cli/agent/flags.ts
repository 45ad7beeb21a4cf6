import { isAbsolute } from "node:path";
import { parseDuration } from "../../base/duration.ts";
import { spiffeIdOf } from "../../identity/spiffe-id.ts";
import { parseWorkloadIdentity, spiffeIdFor } from "../../identity/workload-identity.ts";
import { type SocketAddress, socketAddress } from "../../model/address.ts";
import { type AgentFlags, TRUST_DOMAIN } from "./options.ts";
import { parseTextSource, type TextSource } from "./text-source.ts";

/** What they ask for. */
export interface AgentSettings {
  readonly ca: SocketAddress;
  readonly caName: string | undefined;
  readonly root: TextSource;
  readonly token: TextSource;
  /** SPIFFE ID. */
  readonly identity: string | undefined;
  readonly lifetimeMs: number | undefined;
  readonly socket: string | undefined;
  readonly socketGroup: number | undefined;
}

const LIFETIME_MIN_MS = 1000;
const SOURCE_ALLOWED = "FILE, fd:N, env:NAME, or - for standard input";

/** Undefined where something is wrong, which `problems` then tells, all of it. */
export function readAgentFlags(flags: AgentFlags, problems: string[]): AgentSettings | undefined {
  const before = problems.length;
  const ca = parseHostPort(flags.ca ?? "");
  if (flags.ca === undefined) problems.push("--ca is missing: which certificate authority?");
  else if (ca === undefined) problems.push(`--ca ${flags.ca}: not HOST:PORT`);
  const root = readSource("--root", flags.root, problems);
  const token = readSource("--token", flags.token, problems);
  if (root !== undefined && (root.kind === "stdin" || root.kind === "variable")) {
    problems.push("--root: not a file or a descriptor");
  }
  const settings = {
    identity: readIdentity(flags, problems),
    lifetimeMs: readLifetime(flags.lifetime, problems),
    socket: readSocket(flags.socket, problems),
    socketGroup: readGroup(flags.socketGroup, problems),
  };
  const wrong = problems.length > before || ca === undefined;
  if (wrong || root === undefined || token === undefined) return undefined;
  return { ca, caName: flags.caName, root, token, ...settings };
}

/** `istiod.istio-system.svc:15012`, `[::1]:15012`; the port is not 0. */
function parseHostPort(text: string): SocketAddress | undefined {
  const [, address, name, digits] =
    /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s/]+)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  const host = address ?? name;
  return host === undefined || port < 1 || port > 65_535 ? undefined : socketAddress(host, port);
}

function readSource(
  option: string,
  text: string | undefined,
  problems: string[],
): TextSource | undefined {
  const source = parseTextSource(text ?? "");
  if (text === undefined) problems.push(`${option} is missing`);
  else if (source === undefined) problems.push(`${option} ${text}: not ${SOURCE_ALLOWED}`);
  return source;
}

function readIdentity(flags: AgentFlags, problems: string[]): string | undefined {
  const { identity: text, trustDomain = TRUST_DOMAIN } = flags;
  if (text === undefined) return undefined;
  const workload = parseWorkloadIdentity(text);
  const id = workload === undefined ? text : spiffeIdFor(trustDomain, workload);
  const found = spiffeIdOf([id]);
  if (found === undefined) problems.push(`--identity ${text}: not NAMESPACE/SERVICEACCOUNT`);
  return found;
}

function readLifetime(text: string | undefined, problems: string[]): number | undefined {
  if (text === undefined) return undefined;
  const lifetimeMs = parseDuration(text);
  if (lifetimeMs !== undefined && lifetimeMs >= LIFETIME_MIN_MS) return lifetimeMs;
  problems.push(`--lifetime ${text}: not a duration such as 24h, and at least 1s`);
  return undefined;
}

function readSocket(text: string | undefined, problems: string[]): string | undefined {
  if (text !== undefined && !isAbsolute(text)) problems.push(`--socket ${text}: not absolute`);
  return text;
}

function readGroup(text: string | undefined, problems: string[]): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  problems.push(`--socket-group ${text}: not the number of a group`);
  return undefined;
}
