import type { Clock } from "../../../base/clock.ts";
import type {
  JwksSource,
  JwtAuthn,
  JwtProvider,
  JwtRouteConfig,
} from "../../../model/filter/jwt-authn.ts";
import type { LocalReply } from "../../reply/local-reply.ts";
import type { RequestHead } from "../../route/request-head.ts";
import { RouteMatcher } from "../../route/route-matcher.ts";
import type { JwtStats } from "../../telemetry/envoy/filter/jwt-stats.ts";
import { CompiledProvider } from "./compiled-provider.ts";
import type { KeySource } from "./keys/key-source.ts";
import { deniedReply, unknownRequirementReply } from "./replies.ts";
import { compileRequirement, type Requirement, writtenBy } from "./requirement.ts";
import type { JwtStatus } from "./status.ts";

/** Where the keys of a provider are had. */
export type KeysOf = (source: JwksSource) => KeySource;

interface CompiledRule {
  readonly matcher: RouteMatcher;
  readonly requires: Requirement | undefined;
}

/** A demand of tokens at work: of one filter. */
export class CompiledJwtAuthn {
  readonly stats: JwtStats;
  readonly bypassCorsPreflight: boolean;
  /** Headers that only tokens may write: requests come without them. */
  readonly written: readonly string[];
  readonly #strip: boolean;
  readonly #rules: readonly CompiledRule[];
  readonly #named: ReadonlyMap<string, Requirement>;

  /** Throws where a pattern is not RE2, a file cannot be read, or a name is not known. */
  constructor(authn: JwtAuthn, keysOf: KeysOf, clock: Clock, stats: JwtStats) {
    const providers = new Map(
      authn.providers.map((config) => [config.name, compileProvider(config, keysOf, clock, stats)]),
    );
    const named = new Map(
      authn.requirements.map(({ name, requirement }) => [
        name,
        compileRequirement(requirement, providers),
      ]),
    );
    this.stats = stats;
    this.bypassCorsPreflight = authn.bypassCorsPreflight;
    this.written = [...new Set(authn.providers.flatMap(writtenBy))];
    this.#strip = authn.stripFailureResponse;
    this.#named = named;
    this.#rules = authn.rules.map(({ match, requires }) => ({
      matcher: new RouteMatcher(match),
      requires: requiredBy(requires, named, (one) => compileRequirement(one, providers)),
    }));
  }

  /** What the first rule asks that is for such requests; undefined: nothing. */
  requirementOf(request: RequestHead): Requirement | undefined {
    for (let i = 0; i < this.#rules.length; i++) {
      const rule = this.#rules[i] as CompiledRule;
      if (rule.matcher.matches(request)) return rule.requires;
    }
    return undefined;
  }

  /** What a route asks by name; undefined where the filter does not know it. */
  named({ requirement }: Exclude<JwtRouteConfig, "disabled">): Requirement | undefined {
    return this.#named.get(requirement);
  }

  unknown({ requirement }: Exclude<JwtRouteConfig, "disabled">): LocalReply {
    return unknownRequirementReply(requirement, [...this.#named.keys()].sort(), this.#strip);
  }

  denied(status: JwtStatus, request: RequestHead): LocalReply {
    return deniedReply(status, request, this.#strip);
  }
}

function compileProvider(
  config: JwtProvider,
  keysOf: KeysOf,
  clock: Clock,
  stats: JwtStats,
): CompiledProvider {
  try {
    return new CompiledProvider(config, keysOf(config.jwks), clock, stats);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new Error(`jwt_authn provider ${config.name}: ${text}`);
  }
}

function requiredBy(
  requires: JwtAuthn["rules"][number]["requires"],
  named: ReadonlyMap<string, Requirement>,
  compile: (requirement: Exclude<typeof requires, string | undefined>) => Requirement,
): Requirement | undefined {
  if (typeof requires !== "string") return requires && compile(requires);
  const requirement = named.get(requires);
  if (requirement === undefined) throw new Error(`requirement ${requires} is not configured`);
  return requirement;
}
