import type { Diagnostic } from "../../base/diagnostic.ts";
import type { Labels } from "../../model/mesh.ts";
import { type InterceptionOptions, type Selection, TELEMETRY_PORTS } from "./rules.ts";

const PREFIX = "traffic.sidecar.istio.io/";

/** What a pod's annotations ask of interception, and what in them could not be read. */
export interface PodInterception {
  readonly options: InterceptionOptions;
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Reads `traffic.sidecar.istio.io/{include,exclude}{Inbound,Outbound}{Ports,IPRanges}`.
 *
 * `gateway` is the address of the control plane, console and DNS, which is never intercepted.
 * `subject` names the pod in diagnostics.
 */
export function podInterception(
  annotations: Labels,
  gateway: string,
  subject: string,
): PodInterception {
  const diagnostics: Diagnostic[] = [];
  const read = <T>(name: string, parse: (item: string) => T | undefined, allowed: string): T[] => {
    const items = split(annotations[PREFIX + name] ?? "").filter((item) => item !== "*");
    return items.flatMap((item) => {
      const value = parse(item);
      if (value !== undefined) return [value];
      diagnostics.push(unreadable(subject, PREFIX + name, item, allowed));
      return [];
    });
  };
  const selection = <T>(name: string, items: T[]): Selection<T> => {
    const text = annotations[PREFIX + name];
    return text === undefined || split(text).includes("*") ? "*" : items;
  };
  const ports = (name: string): number[] => read(name, parsePort, "ports 1 to 65535, or *");
  const ranges = (name: string): string[] =>
    read(name, parseRange, "IPv4 ranges as 10.0.0.0/8, or *");
  const options: InterceptionOptions = {
    includeInboundPorts: selection("includeInboundPorts", ports("includeInboundPorts")),
    excludeInboundPorts: [...TELEMETRY_PORTS, ...ports("excludeInboundPorts")],
    includeOutboundPorts: ports("includeOutboundPorts"),
    excludeOutboundPorts: [...TELEMETRY_PORTS, ...ports("excludeOutboundPorts")],
    includeOutboundRanges: selection("includeOutboundIPRanges", ranges("includeOutboundIPRanges")),
    excludeOutboundRanges: [`${gateway}/32`, ...ranges("excludeOutboundIPRanges")],
  };
  return { options, diagnostics };
}

function split(text: string): string[] {
  return text
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

function parsePort(text: string): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65_535 ? port : undefined;
}

function parseRange(text: string): string | undefined {
  const match = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\/(\d{1,2}))?$/.exec(text);
  if (match === null) return undefined;
  const inRange = match.slice(1, 5).every((part) => Number(part) <= 255);
  return inRange && Number(match[5] ?? 32) <= 32 ? text : undefined;
}

function unreadable(subject: string, name: string, found: string, allowed: string): Diagnostic {
  return {
    code: "IST0125",
    severity: "error",
    message: `The annotation ${name} cannot be read.`,
    subject,
    path: `metadata.annotations["${name}"]`,
    found,
    allowed,
  };
}
