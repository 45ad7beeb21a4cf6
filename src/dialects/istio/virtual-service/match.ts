import type { ScopedMatch } from "../../../model/http-route-set.ts";
import type {
  HeaderMatch,
  PathMatch,
  QueryParameterMatch,
  RouteMatch,
} from "../../../model/route.ts";
import { isLabel } from "../host.ts";
import type { Spec } from "../spec.ts";
import { readStringMatch } from "../string-match.ts";
import { labelError, portError } from "../text-rules.ts";

/** The gateway name that means "every sidecar". */
export const MESH = "mesh";

/** What a rule without `match` asks for. */
export const ANY_REQUEST: RouteMatch = {
  path: { kind: "prefix", value: "/", caseSensitive: true },
  headers: [],
  queryParameters: [],
};

/**
 * HTTPMatchRequest (istio/api networking/v1/virtual_service.proto) as Envoy's RouteMatch;
 * undefined where it holds for gateways alone.
 */
export function readMatch(match: Spec): ScopedMatch | undefined {
  checkScope(match);
  const gateways = match.at("gateways").texts();
  const request: RouteMatch = {
    path: readPath(match),
    headers: [...readHeaders(match), ...readPseudoHeaders(match)],
    queryParameters: readQuery(match.at("queryParams")),
  };
  if (gateways.length > 0 && !gateways.includes(MESH)) return undefined;
  // Istio asks for the source only where no gateways are named.
  const anySource = gateways.length > 0;
  return {
    request,
    sourceLabels: anySource ? undefined : match.at("sourceLabels").labels(),
    sourceNamespace: anySource ? undefined : match.at("sourceNamespace").text() || undefined,
    port: match.at("port").count() || undefined,
    origin: match.origin(),
  };
}

function checkScope(match: Spec): void {
  const port = match.at("port");
  const number = port.count();
  if (number !== undefined && number !== 0) port.refuse(portError(number));
  for (const [key, value] of match.at("sourceLabels").entries()) {
    value.refuse(labelError(key, value.text() ?? ""));
  }
  const namespace = match.at("sourceNamespace");
  const name = namespace.text() ?? "";
  if (name !== "" && !isLabel(name)) namespace.refuse(`sourceNamespace match ${name} is invalid`);
}

function readPath(match: Spec): PathMatch {
  const value = readStringMatch(match.at("uri"), "uri");
  if (value === undefined) return ANY_REQUEST.path;
  // ignoreUriCase is for exact and prefix; a regex says so itself with (?i).
  const caseSensitive = value.kind === "regex" || match.at("ignoreUriCase").flag() !== true;
  const kind = value.kind === "exact" || value.kind === "regex" ? value.kind : "prefix";
  return { kind, value: value.value, caseSensitive };
}

function readHeaders(match: Spec): HeaderMatch[] {
  const wanted = match
    .at("headers")
    .entries()
    .map(([name, value]) => readHeader(name, value));
  const unwanted = match
    .at("withoutHeaders")
    .entries()
    .map(([name, value]) => {
      const header = readHeader(name, value, "withoutHeaders");
      return { ...header, invert: true, missingAsEmpty: header.value !== undefined };
    });
  return [...wanted, ...unwanted].sort((one, other) => (one.name < other.name ? -1 : 1));
}

function readHeader(name: string, value: Spec, where = "headers"): HeaderMatch {
  if (name === "") value.refuse("header name cannot be empty");
  else if (!isClaim(name) && !/^[-_A-Za-z0-9]+$/.test(name)) {
    value.refuse(`header name ${name} is not a valid header name`);
  }
  return {
    name: name.toLowerCase(),
    value: readStringMatch(value, where, { emptyPrefix: false }),
    invert: false,
    missingAsEmpty: false,
  };
}

/** `@request.auth.claims.sub`, or with the claim in brackets. */
function isClaim(name: string): boolean {
  return /^@request\.auth\.claims[.[]/i.test(name);
}

/** Only gateways route by the claims of a token. */
export function refuseClaims(match: Spec, gateways: readonly string[]): void {
  for (const field of ["headers", "withoutHeaders"]) {
    for (const [name, value] of match.at(field).entries()) {
      if (!isClaim(name)) continue;
      value.refuse(
        `JWT claim based routing (key: ${name}) is only supported for gateway, ` +
          `found no gateways: [${gateways.join(" ")}]`,
      );
    }
  }
}

const PSEUDO_HEADERS = ["method", "authority", "scheme"] as const;

function readPseudoHeaders(match: Spec): HeaderMatch[] {
  return PSEUDO_HEADERS.flatMap((field) => {
    const node = match.at(field);
    if (!node.present) return [];
    const value = readStringMatch(node, field, { emptyPrefix: false });
    return [{ name: `:${field}`, value, invert: false, missingAsEmpty: false }];
  });
}

function readQuery(query: Spec): QueryParameterMatch[] {
  return query
    .entries()
    .map(([name, value]) => ({ name, value: readStringMatch(value, "queryParams") }));
}
