import type { Random } from "../../../base/random.ts";
import type { HeaderTable } from "../../../codec/http/header-table.ts";
import type { CorsPolicy } from "../../../model/filter/cors.ts";
import { ALL, type Fraction } from "../../../model/filter/fraction.ts";
import type { LocalReply } from "../../reply/local-reply.ts";
import { compileStringMatch, type StringMatcher } from "../../route/string-matcher.ts";
import { holds } from "../fraction.ts";

const PRIVATE_NETWORK = "access-control-request-private-network";

const NEVER: Fraction = { numerator: 0, denominator: 100 };

const ANSWER: LocalReply = {
  status: 200,
  body: "",
  flag: 0,
  details: "cors_response",
  clusterStatus: 0,
};

/** What a route allows other sites, all levels put together. */
export class CompiledCors {
  readonly #enabled: Fraction;
  readonly #shadow: Fraction;
  readonly #origins: readonly StringMatcher[];
  readonly #permissions: readonly (readonly [string, string])[];
  readonly #privateNetwork: boolean;
  readonly #credentials: boolean;
  readonly #expose: string;
  /** Preflights of sites that are not allowed go on to the upstream. */
  readonly forwardsOthers: boolean;

  /** `policies`: from the route outwards, at least one; a level's gap is filled by the next. */
  constructor(policies: readonly CorsPolicy[]) {
    const { enabled, shadowEnabled } = policies[0] as CorsPolicy;
    // Either word alone turns the other off; without both, the policy holds.
    this.#enabled = enabled ?? (shadowEnabled === undefined ? ALL : NEVER);
    this.#shadow = shadowEnabled ?? NEVER;
    const origins = policies.find(({ allowOrigins }) => allowOrigins.length > 0)?.allowOrigins;
    this.#origins = (origins ?? []).map(compileStringMatch);
    this.#credentials = first(policies, "allowCredentials") ?? false;
    this.#privateNetwork = first(policies, "allowPrivateNetworkAccess") ?? false;
    this.#expose = first(policies, "exposeHeaders") ?? "";
    this.#permissions = permissions(policies);
    this.forwardsOthers = first(policies, "forwardNotMatchingPreflights") ?? true;
  }

  enforced(random: Random): boolean {
    return holds(this.#enabled, random);
  }

  /** Judged and counted only. */
  shadowed(random: Random): boolean {
    return holds(this.#shadow, random);
  }

  /** A matcher that would take `*` takes every site (Envoy: CorsFilter::isOriginAllowed). */
  allows(origin: string): boolean {
    return this.#origins.some((matcher) => matcher.matches("*") || matcher.matches(origin));
  }

  /** Answers a preflight; `origin` is empty where the site is not allowed. */
  preflight(origin: string, request: HeaderTable): LocalReply {
    const headers = this.#permissions.map(([name, value]) => {
      // Beside credentials a star is only the character (Fetch standard): say what was asked.
      return [name, value === "*" ? asked(name, request) : value] as const;
    });
    if (origin !== "") headers.unshift(["access-control-allow-origin", origin]);
    if (this.#privateNetwork && request.joined(PRIVATE_NETWORK) === "true") {
      headers.push(["access-control-allow-private-network", "true"]);
    }
    return { ...ANSWER, headers };
  }

  /** Tells the browser that the site may read this answer. */
  mark(headers: HeaderTable, origin: string): void {
    headers.setName("access-control-allow-origin", origin);
    if (this.#credentials) headers.setName("access-control-allow-credentials", "true");
    if (this.#expose !== "") headers.setName("access-control-expose-headers", this.#expose);
  }
}

/** The first level that says something. */
function first<K extends keyof CorsPolicy>(
  policies: readonly CorsPolicy[],
  key: K,
): CorsPolicy[K] | undefined {
  return policies.find((policy) => policy[key] !== undefined && policy[key] !== "")?.[key];
}

function permissions(policies: readonly CorsPolicy[]): (readonly [string, string])[] {
  const said: [string, string][] = [];
  if (first(policies, "allowCredentials") === true) {
    said.push(["access-control-allow-credentials", "true"]);
  }
  const methods = first(policies, "allowMethods") ?? "";
  const names = first(policies, "allowHeaders") ?? "";
  const maxAge = first(policies, "maxAge") ?? "";
  if (methods !== "") said.push(["access-control-allow-methods", methods]);
  if (names !== "") said.push(["access-control-allow-headers", names]);
  if (maxAge !== "") said.push(["access-control-max-age", maxAge]);
  return said;
}

/** What the browser wants to use, in answer to `access-control-allow-methods` or `-headers`. */
function asked(name: string, request: HeaderTable): string {
  const methods = name === "access-control-allow-methods";
  const wanted = methods ? "access-control-request-method" : "access-control-request-headers";
  return request.joined(wanted) ?? "";
}
