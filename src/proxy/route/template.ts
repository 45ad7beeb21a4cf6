/** What `%FORMATTERS%` in header values may ask about; empty strings where nothing is known. */
export interface FormatSource {
  protocol(): string;
  requestHeader(name: string): string;
  responseHeader(name: string): string;
  upstreamHost(): string;
  upstreamCluster(): string;
  downstreamLocalAddress(): string;
  downstreamRemoteAddress(): string;
  routeName(): string;
  responseCode(): number;
  /** Attempts so far. */
  attempts(): number;
}

export interface Template {
  /** True without formatters. */
  readonly constant: boolean;
  format(source: FormatSource): string;
}

type Part = (source: FormatSource) => string;

const FORMATTER = /%%|%(?<name>[A-Z_]+)(?:\((?<argument>[^)]*)\))?(?::(?<length>\d+))?%/g;

const PARTS: Readonly<Record<string, Part>> = {
  PROTOCOL: (source) => source.protocol(),
  UPSTREAM_HOST: (source) => source.upstreamHost(),
  UPSTREAM_REMOTE_ADDRESS: (source) => source.upstreamHost(),
  UPSTREAM_CLUSTER: (source) => source.upstreamCluster(),
  ROUTE_NAME: (source) => source.routeName(),
  RESPONSE_CODE: (source) => String(source.responseCode()),
  DOWNSTREAM_LOCAL_ADDRESS: (source) => source.downstreamLocalAddress(),
  DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT: (source) => hostOf(source.downstreamLocalAddress()),
  DOWNSTREAM_LOCAL_PORT: (source) => portOf(source.downstreamLocalAddress()),
  DOWNSTREAM_REMOTE_ADDRESS: (source) => source.downstreamRemoteAddress(),
  DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT: (source) => hostOf(source.downstreamRemoteAddress()),
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS: (source) => source.downstreamRemoteAddress(),
  DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT: (source) =>
    hostOf(source.downstreamRemoteAddress()),
};

/** Throws a RangeError for a formatter that is not known. */
export function compileTemplate(text: string): Template {
  const parts: Part[] = [];
  let end = 0;
  for (const match of text.matchAll(FORMATTER)) {
    const before = text.slice(end, match.index);
    end = match.index + match[0].length;
    parts.push(() => before);
    if (match[0] === "%%") parts.push(() => "%");
    else parts.push(partOf(match.groups ?? {}) ?? refuse(match[0]));
  }
  const rest = text.slice(end);
  if (parts.length === 0) return { constant: true, format: () => text };
  return {
    constant: false,
    format: (source) => clean(parts.map((part) => part(source)).join("") + rest),
  };
}

function partOf(groups: Record<string, string | undefined>): Part | undefined {
  const { name = "", argument, length } = groups;
  const part = argument === undefined ? PARTS[name] : headerPart(name, argument);
  if (part === undefined || length === undefined) return part;
  return (source) => part(source).slice(0, Number(length));
}

/** `REQ(X?Y)`: the header X, else Y. */
function headerPart(name: string, argument: string): Part | undefined {
  const [first = "", second = ""] = argument.toLowerCase().split("?");
  if (name === "REQ") {
    return (source) => source.requestHeader(first) || source.requestHeader(second);
  }
  if (name === "RESP") {
    return (source) => source.responseHeader(first) || source.responseHeader(second);
  }
  return undefined;
}

/** A value never breaks out of its line. */
function clean(value: string): string {
  return value.replaceAll(/[\r\n\0]/g, "");
}

function hostOf(address: string): string {
  const colon = address.lastIndexOf(":");
  return colon < 0 ? address : address.slice(0, colon).replaceAll(/[[\]]/g, "");
}

function portOf(address: string): string {
  return address.slice(address.lastIndexOf(":") + 1);
}

function refuse(formatter: string): never {
  throw new RangeError(`unknown formatter ${formatter}`);
}
