import type { CheckedBody } from "../../model/filter/ext-authz.ts";
import type { AuthorizationProvider } from "../../model/policy/authorization-provider.ts";
import type { StringMatch } from "../../model/route.ts";
import type { Spec } from "./spec.ts";

/** Istio's default, where Envoy would wait 200 ms. */
const TIMEOUT_MS = 600_000;
const FORBIDDEN = 403;
const PORT_MAX = 65_535;

/** Those that decide about requests; others do nothing here. */
export function readAuthorizationProviders(providers: Spec): readonly AuthorizationProvider[] {
  const names = new Set<string>();
  return providers.items().flatMap((provider) => {
    const name = provider.at("name").text() ?? "";
    if (name === "") provider.at("name").refuse("empty extension provider name");
    if (names.has(name)) provider.at("name").refuse(`duplicate extension provider name ${name}`);
    names.add(name);
    const http = provider.at("envoyExtAuthzHttp");
    if (http.present) return readHttp(name, http);
    const grpc = provider.at("envoyExtAuthzGrpc");
    return grpc.present ? readCommon(name, "grpc", grpc) : [];
  });
}

function readHttp(name: string, http: Spec): AuthorizationProvider {
  const prefix = http.at("pathPrefix");
  const pathPrefix = prefix.text() ?? "";
  if (pathPrefix !== "" && !pathPrefix.startsWith("/")) {
    prefix.refuse(`pathPrefix should begin with \`/\`: ${pathPrefix}`);
  }
  const shown = http.at("includeRequestHeadersInCheck");
  const lists = shown.present ? shown : http.at("includeHeadersInCheck");
  return {
    ...readCommon(name, "http", http),
    pathPrefix,
    headersInCheck: readNames(lists),
    additionalHeaders: http.at("includeAdditionalHeadersInCheck").labels() ?? {},
    toUpstreamOnAllow: readNames(http.at("headersToUpstreamOnAllow")),
    toDownstreamOnDeny: readNames(http.at("headersToDownstreamOnDeny")),
    toDownstreamOnAllow: readNames(http.at("headersToDownstreamOnAllow")),
  };
}

function readCommon(
  name: string,
  protocol: AuthorizationProvider["protocol"],
  spec: Spec,
): AuthorizationProvider {
  return {
    name,
    protocol,
    host: readHost(spec.at("service")),
    port: readPort(spec.at("port")),
    timeoutMs: spec.at("timeout").durationMs() ?? TIMEOUT_MS,
    failOpen: spec.at("failOpen").flag() ?? false,
    clearRouteCache: spec.at("clearRouteCache").flag() ?? false,
    statusOnError: readStatus(spec.at("statusOnError")),
    body: readBody(spec.at("includeRequestBodyInCheck")),
    pathPrefix: "",
    headersInCheck: [],
    additionalHeaders: {},
    toUpstreamOnAllow: [],
    toDownstreamOnDeny: [],
    toDownstreamOnAllow: [],
  };
}

/** `namespace/host`, or the host alone. */
function readHost(service: Spec): string {
  const text = service.text() ?? "";
  const parts = text.split("/");
  if (text === "" || parts.length > 2 || parts.includes("")) {
    service.refuse(`service must be in the format [<namespace>/]<host>, found "${text}"`);
  }
  return parts.at(-1) ?? "";
}

function readPort(port: Spec): number {
  const value = port.count() ?? 0;
  if (value < 1 || value > PORT_MAX) {
    port.refuse(`port number ${value} must be in the range 1..65535`);
  }
  return value;
}

/** Written as text, as `"503"`. */
function readStatus(status: Spec): number {
  const text = status.text();
  if (text === undefined) return FORBIDDEN;
  const code = Number(text);
  if (Number.isInteger(code) && code >= 200 && code <= 599) return code;
  status.refuse(`statusOnError: "${text}" is no HTTP status`, '"200" to "599"');
  return FORBIDDEN;
}

function readBody(body: Spec): CheckedBody | undefined {
  if (!body.present) return undefined;
  const maxBytes = body.at("maxRequestBytes").count() ?? 0;
  if (maxBytes === 0) body.at("maxRequestBytes").refuse("maxRequestBytes must be greater than 0");
  return {
    maxBytes,
    allowPartial: body.at("allowPartialMessage").flag() ?? false,
    asBytes: body.at("packAsBytes").flag() ?? false,
  };
}

/** Exact, `prefix-*` or `*-suffix`, of any case. */
function readNames(list: Spec): StringMatch[] {
  return list.texts().map((text) => {
    if (text !== "*" && text.endsWith("*")) return matching("prefix", text.slice(0, -1));
    if (text.startsWith("*")) return matching("suffix", text.slice(1));
    return matching("exact", text);
  });
}

function matching(kind: "exact" | "prefix" | "suffix", value: string): StringMatch {
  return { kind, value, ignoreCase: true };
}
