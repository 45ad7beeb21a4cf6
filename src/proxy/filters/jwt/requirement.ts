import type { JwtProvider, JwtRequirement } from "../../../model/filter/jwt-authn.ts";
import {
  Authenticator,
  type AuthenticatorOptions,
  type Issuers,
  type Steps,
} from "./authenticator.ts";
import { audienceSet, type CompiledProvider } from "./compiled-provider.ts";
import type { JwtRequest } from "./jwt-request.ts";
import { type JwtStatus, MISSING, OK, UNKNOWN_ISSUER } from "./status.ts";
import { TokenPlaces } from "./token/token-places.ts";

/** What is asked of a request's tokens, at work (Envoy: Verifier). */
export interface Requirement {
  verify(request: JwtRequest): Steps;
}

/** Providers by name. */
export type Providers = ReadonlyMap<string, CompiledProvider>;

/** Throws an Error where a provider is named that is not there. */
export function compileRequirement(requirement: JwtRequirement, providers: Providers): Requirement {
  switch (requirement.kind) {
    case "none":
      return PASS;
    case "provider":
      return ofProvider(requirement.provider, requirement.audiences, providers);
    case "allowMissing":
      return ofAll(providers, { allowMissing: true, allowFailed: false });
    case "allowMissingOrFailed":
      return ofAll(providers, { allowMissing: true, allowFailed: true });
    case "all":
      return new All(requirement.of.map((one) => compileRequirement(one, providers)));
    case "any":
      return compileAny(requirement.of, providers);
  }
}

/** Headers that a provider's tokens write, and nobody else may. */
export function writtenBy({ claimToHeaders, forwardPayloadHeader }: JwtProvider): string[] {
  const names = claimToHeaders.map(({ header }) => header);
  return forwardPayloadHeader === "" ? names : [forwardPayloadHeader, ...names];
}

function ofProvider(name: string, audiences: readonly string[], providers: Providers): Requirement {
  const provider = providers.get(name);
  if (provider === undefined) throw new Error(`required provider ${name} is not configured`);
  return new Authenticator({
    places: provider.places,
    provider,
    audiences: audienceSet(audiences),
    allowMissing: false,
    allowFailed: false,
    issuers: issuersOf(providers),
    written: writtenBy(provider.config),
  });
}

/** Tokens of any provider, wherever one of them looks for its own. */
function ofAll(
  providers: Providers,
  allowed: Pick<AuthenticatorOptions, "allowMissing" | "allowFailed">,
): Requirement {
  const configs = [...providers.values()].map(({ config }) => config);
  return new Authenticator({
    ...allowed,
    places: new TokenPlaces(configs),
    provider: undefined,
    audiences: new Set(),
    issuers: issuersOf(providers),
    written: configs.flatMap(writtenBy),
  });
}

/** The first provider of an issuer counts; one without issuer takes the others. */
function issuersOf(providers: Providers): Issuers {
  const all = [...providers.values()];
  const find = (issuer: string) => all.find(({ config }) => config.issuer === issuer);
  return {
    byIssuer: (issuer) => find(issuer) ?? find(""),
    only: all.length === 1 ? all[0] : undefined,
  };
}

/** In Envoy's way: what may be missing or fail is a word about the others. */
function compileAny(of: readonly JwtRequirement[], providers: Providers): Requirement {
  const allowMissing = of.some(({ kind }) => kind === "allowMissing");
  const allowFailed = of.some(({ kind }) => kind === "allowMissingOrFailed");
  const others = of.filter(
    ({ kind }) => kind !== "allowMissing" && kind !== "allowMissingOrFailed",
  );
  if (others.length === 0) return ofAll(providers, { allowMissing: true, allowFailed });
  const compiled = others.map((one) => compileRequirement(one, providers));
  return new Any(compiled, allowMissing, allowFailed);
}

const PASS: Requirement = {
  // biome-ignore lint/correctness/useYield: one that waits for nothing
  *verify() {
    return OK;
  },
};

class All implements Requirement {
  readonly #of: readonly Requirement[];

  constructor(of: readonly Requirement[]) {
    this.#of = of;
  }

  *verify(request: JwtRequest): Steps {
    for (const one of this.#of) {
      const status = yield* one.verify(request);
      if (status !== OK) return status;
    }
    return OK;
  }
}

class Any implements Requirement {
  readonly #of: readonly Requirement[];
  readonly #allowMissing: boolean;
  readonly #allowFailed: boolean;

  constructor(of: readonly Requirement[], allowMissing: boolean, allowFailed: boolean) {
    this.#of = of;
    this.#allowMissing = allowMissing;
    this.#allowFailed = allowFailed;
  }

  *verify(request: JwtRequest): Steps {
    let worst = MISSING;
    for (const one of this.#of) {
      const status = yield* one.verify(request);
      if (status === OK) return OK;
      if (isTelling(status) || worst === MISSING) worst = status;
    }
    if (this.#allowFailed) return OK;
    return this.#allowMissing && worst === MISSING ? OK : worst;
  }
}

/** No token, or another's, says less than a token that is bad. */
function isTelling(status: JwtStatus): boolean {
  return status !== MISSING && status !== UNKNOWN_ISSUER;
}
