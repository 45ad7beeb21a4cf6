import { publicKeySet } from "../../../identity/keys/json-web-key.ts";
import type {
  JwksSource,
  JwtAuthn,
  JwtProvider,
  JwtRequirement,
} from "../../../model/filter/jwt-authn.ts";
import type { HttpFilter } from "../../../model/listener.ts";
import type { Mesh, Pod } from "../../../model/mesh.ts";
import type { TokenRule } from "../../../model/policy/request-authentication.ts";
import type { RouteMatch } from "../../../model/route.ts";
import { keyServerOf } from "../../jwks/mesh-keys.ts";
import { nobodysKeys } from "../../jwks/nobodys-keys.ts";
import { outboundClusterName } from "../names.ts";
import { holdsAt } from "./access/scope.ts";

/** Where policies look for claims. */
const PAYLOAD = "payload";
/** Always lists of words (Istio: buildSpaceDelimitedClaims). */
const WORDS = ["permission", "scope"];
/** Istio: of keys that a proxy fetches. */
const CACHE_DURATION_MS = 300_000;

const EVERYTHING: RouteMatch = {
  path: { kind: "prefix", value: "/", caseSensitive: true },
  headers: [],
  queryParameters: [],
};

const ALLOW_MISSING: JwtRequirement = { kind: "allowMissing" };

/** Key sets that have been read already: every port of every pod has the same ones. */
const READ = new Map<string, string>();
const READ_MAX = 256;

/**
 * What RequestAuthentications ask of requests to a port, as istiod writes it: all rules of all
 * policies together. A request without a token passes; one whose token is bad does not.
 */
export function jwtFilters(mesh: Mesh, pod: Pod, port: number | undefined): readonly HttpFilter[] {
  const { requestAuthentications } = mesh.security;
  if (requestAuthentications.length === 0) return [];
  const rules = requestAuthentications
    .filter(({ scope }) => holdsAt(scope, mesh, pod, port))
    .flatMap((policy) => policy.rules)
    .toSorted((left, right) =>
      left.issuer < right.issuer ? -1 : Number(left.issuer !== right.issuer),
    );
  return rules.length === 0 ? [] : [{ kind: "jwtAuthn", authn: authnOf(rules, mesh) }];
}

function authnOf(rules: readonly TokenRule[], mesh: Mesh): JwtAuthn {
  const providers = rules.map((rule, i) => providerOf(rule, `origins-${i}`, mesh));
  return {
    providers,
    rules: [{ match: EVERYTHING, requires: requirementOf(providers.map(({ name }) => name)) }],
    requirements: [],
    bypassCorsPreflight: true,
    stripFailureResponse: false,
  };
}

/**
 * Any of them; else each one's own token, where there is one, has to be good. The first part is for
 * providers that look at the same place.
 */
function requirementOf(names: readonly string[]): JwtRequirement {
  const providers = names.map((provider): JwtRequirement => {
    return { kind: "provider", provider, audiences: [] };
  });
  const optional = providers.map((one): JwtRequirement => {
    return { kind: "any", of: [one, ALLOW_MISSING] };
  });
  const [only] = optional;
  if (only !== undefined && optional.length === 1) return only;
  return { kind: "any", of: [...providers, { kind: "all", of: optional }] };
}

function providerOf(rule: TokenRule, name: string, mesh: Mesh): JwtProvider {
  return {
    name,
    issuer: rule.issuer,
    audiences: rule.audiences,
    subjects: undefined,
    requireExpiration: false,
    maxLifetimeMs: undefined,
    jwks: jwksOf(rule, mesh),
    forward: rule.forwardOriginalToken,
    fromHeaders: rule.fromHeaders,
    fromParams: rule.fromParams,
    fromCookies: rule.fromCookies,
    forwardPayloadHeader: rule.outputPayloadToHeader,
    padForwardPayloadHeader: false,
    payloadInMetadata: PAYLOAD,
    spaceDelimitedClaims: [...new Set([...rule.spaceDelimitedClaims, ...WORDS])].sort(),
    headerInMetadata: "",
    failedStatusInMetadata: "",
    clockSkewSeconds: 0,
    jwtCacheSize: undefined,
    claimToHeaders: rule.outputClaimToHeaders,
    clearRouteCache: false,
  };
}

/** Keys that are not known let nobody in. */
function jwksOf({ keys, timeoutMs }: TokenRule, { services }: Mesh): JwksSource {
  if (keys.kind === "inline") return { kind: "inline", text: publicKeysOf(keys.text) };
  const server = keyServerOf(keys, services);
  if (server === undefined || keys.kind !== "url") return { kind: "inline", text: nobodysKeys() };
  return {
    kind: "remote",
    uri: keys.url,
    cluster: outboundClusterName(server.port, "", server.host),
    timeoutMs,
    cacheDurationMs: CACHE_DURATION_MS,
    asyncFetch: undefined,
    retry: undefined,
  };
}

function publicKeysOf(text: string): string {
  let keys = READ.get(text);
  if (keys === undefined) {
    if (READ.size >= READ_MAX) READ.clear();
    keys = publicKeySet(text) ?? nobodysKeys();
    READ.set(text, keys);
  }
  return keys;
}
