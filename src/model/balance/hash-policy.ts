import type { RegexRewrite } from "../route.ts";

/** An attribute of a Set-Cookie that we write, such as `SameSite`; an empty value stands alone. */
export interface CookieAttribute {
  readonly name: string;
  readonly value: string;
}

interface Common {
  /** Where a hash exists after this policy, those behind it are not looked at. */
  readonly terminal: boolean;
}

export interface HeaderHash extends Common {
  readonly kind: "header";
  /** Lower case. */
  readonly name: string;
  /** Applied to each value before it is hashed. */
  readonly rewrite: RegexRewrite | undefined;
}

export interface CookieHash extends Common {
  readonly kind: "cookie";
  readonly name: string;
  /** Undefined: only read. Else made where it is missing; 0: for the browser's session. */
  readonly ttlMs: number | undefined;
  /** Empty: none. */
  readonly path: string;
  readonly attributes: readonly CookieAttribute[];
}

/** The client's address without its port. */
export interface SourceIpHash extends Common {
  readonly kind: "sourceIp";
}

export interface QueryParameterHash extends Common {
  readonly kind: "queryParameter";
  readonly name: string;
}

/** Envoy: route.v3.RouteAction.HashPolicy. RING_HASH and MAGLEV choose by it. */
export type HashPolicy = HeaderHash | CookieHash | SourceIpHash | QueryParameterHash;
