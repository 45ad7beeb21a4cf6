/** Envoy: extensions.http.stateful_session.cookie.v3.CookieBasedSessionState. */
export interface CookieSession {
  readonly kind: "cookie";
  readonly name: string;
  /** 0: for the browser's session. */
  readonly ttlMs: number;
  /** Requests elsewhere have no session; empty: all have. */
  readonly path: string;
  /** After this time without a request it is over; our own proxies alone. Left out: never. */
  readonly idleMs?: number;
  /** After this time it is over, whatever the browser keeps; likewise. */
  readonly absoluteMs?: number;
}

/** Times of a session of our own, both ends allowed. */
export const SESSION_BOUNDS = { min: 1, max: 2_147_483_647 } as const;

/** Envoy: extensions.http.stateful_session.header.v3.HeaderBasedSessionState. */
export interface HeaderSession {
  readonly kind: "header";
  /** Lower case; of the request and of the response. */
  readonly name: string;
}

export type SessionState = CookieSession | HeaderSession;

/** Envoy: filters.http.stateful_session.v3.StatefulSession: a client keeps its endpoint. */
export interface StatefulSession {
  readonly kind: "statefulSession";
  /** Undefined: none, until a route says otherwise. */
  readonly state: SessionState | undefined;
  /** 503 where the endpoint of the session is gone, instead of another endpoint. */
  readonly strict: boolean;
}

/** Envoy: StatefulSessionPerRoute: what one route has instead. */
export type SessionOverride = StatefulSession | "disabled";
