/**
 * State-of-the-world subscriptions, the part that both ends must agree on, without sockets.
 *
 *   client                               server
 *   subscribe(names) ── version "", nonce "" ──────▶  initial
 *            ◀───────── version 1, nonce a ────────   next()
 *   accept ──────────── version 1, nonce a ────────▶  ack
 *            ◀───────── version 2, nonce b ────────   next()
 *   reject ──────────── version 1, nonce b, error ─▶  nack: last good stays, nothing is re-sent
 *   subscribe(others) ─ version 1, nonce b ────────▶  named: next() has the new names; b was
 *                                                     answered, and stays refused
 *   anything with nonce a ─────────────────────────▶  stale: passed over
 *
 * Source: "xDS REST and gRPC protocol", Envoy documentation, "ACK/NACK and resource type instance
 * version", "How the client specifies what resources to return".
 */

/** The fields of a DiscoveryRequest that decide. */
export interface SubscriptionRequest {
  /** The version that the client runs; empty for none. */
  readonly versionInfo: string;
  /** Of the response that this answers; empty on the first request of a stream. */
  readonly responseNonce: string;
  readonly resourceNames: readonly string[];
  /** Set in a NACK: why the response was refused. */
  readonly error: string | undefined;
}

export type Verdict = "initial" | "ack" | "nack" | "named" | "stale";

/** One response to send: the names in it, all others being unchanged (or, whole state, gone). */
export interface Push {
  readonly nonce: string;
  readonly names: readonly string[];
  /** Those among them that the client does not have in this version yet. */
  readonly changed: readonly string[];
}

const WILDCARD = "*";

/** One type of resource on one stream, as the server sees it. */
export class ServerSubscription {
  readonly #wholeState: boolean;
  #active = false;
  #wildcard = false;
  #everNamed = false;
  #names: ReadonlySet<string> = new Set();
  /** Name → version that the client was told last. */
  readonly #told = new Map<string, string>();
  #answered = false;
  #nonce = "";
  #nonces = 0;
  #outstanding = false;
  /** Of the response sent last. */
  #pushed: readonly string[] = [];
  /** Names whose newest version was refused; a whole state is refused as one. */
  readonly #refused = new Set<string>();
  #rejection: string | undefined;

  /** `wholeState`: each response carries everything (CDS, LDS), and absence means removal. */
  constructor(wholeState: boolean) {
    this.#wholeState = wholeState;
  }

  /** The client has asked for this type. */
  get active(): boolean {
    return this.#active;
  }

  get wildcard(): boolean {
    return this.#wildcard;
  }

  /** A response is on its way, and not answered yet. */
  get outstanding(): boolean {
    return this.#outstanding;
  }

  /** Why a response was refused; undefined once the client has taken all that was in it. */
  get rejection(): string | undefined {
    return this.#wholeState || this.#refused.size > 0 ? this.#rejection : undefined;
  }

  wants(name: string): boolean {
    return this.#wildcard || this.#names.has(name);
  }

  receive(request: SubscriptionRequest): Verdict {
    // An answer to an older response: the client will answer the newer one too, names included.
    if (request.responseNonce !== this.#nonce && this.#nonce !== "") return "stale";
    const verdict = this.#verdictOf(request);
    this.#active = true;
    this.#subscribe(request.resourceNames);
    return verdict;
  }

  #verdictOf(request: SubscriptionRequest): Verdict {
    if (this.#nonce === "") return "initial";
    if (!this.#outstanding && request.error === undefined) return "named";
    this.#outstanding = false;
    const { error } = request;
    for (const name of this.#pushed) {
      if (error === undefined) this.#refused.delete(name);
      else this.#refused.add(name);
    }
    if (error !== undefined || this.#wholeState) this.#rejection = error;
    return error === undefined ? "ack" : "nack";
  }

  #subscribe(names: readonly string[]): void {
    const named = names.filter((name) => name !== WILDCARD);
    // Nobody who once named resources means "all" by naming none.
    this.#wildcard =
      names.length > named.length || (this.#wholeState && names.length === 0 && !this.#everNamed);
    if (names.length > 0) this.#everNamed = true;
    this.#names = new Set(named);
    for (const name of this.#told.keys()) if (!this.wants(name)) this.#told.delete(name);
    for (const name of this.#refused) if (!this.wants(name)) this.#refused.delete(name);
  }

  /** The client is to be told again, though nothing changed: what depends on them is warming. */
  forget(names: Iterable<string>): void {
    for (const name of names) this.#told.delete(name);
  }

  /**
   * What to send now, given name → version of everything there is. Undefined where nothing
   * changed or where an answer is awaited.
   */
  next(available: ReadonlyMap<string, string>): Push | undefined {
    if (!this.#active || this.#outstanding) return undefined;
    for (const name of this.#refused) if (!available.has(name)) this.#refused.delete(name);
    const wanted = this.#wantedOf(available);
    const changed = wanted.filter((name) => this.#told.get(name) !== available.get(name));
    const told = this.#told.size;
    const unchanged = this.#wholeState
      ? this.#answered && changed.length === 0 && told === wanted.length
      : changed.length === 0;
    if (unchanged) return undefined;
    const nonce = this.#tell(this.#wholeState ? wanted : changed, available);
    return { nonce, names: this.#wholeState ? wanted : changed, changed };
  }

  #wantedOf(available: ReadonlyMap<string, string>): string[] {
    if (this.#wildcard) return [...available.keys()];
    return [...this.#names].filter((name) => available.has(name));
  }

  #tell(names: readonly string[], available: ReadonlyMap<string, string>): string {
    if (this.#wholeState) this.#told.clear();
    for (const name of names) this.#told.set(name, available.get(name) ?? "");
    this.#pushed = names;
    this.#answered = true;
    this.#outstanding = true;
    this.#nonces += 1;
    this.#nonce = String(this.#nonces);
    return this.#nonce;
  }
}

/** One type of resource on one stream, as the client sees it. Survives reconnects. */
export class ClientSubscription {
  #names: readonly string[];
  #version = "";
  #nonce = "";

  /** No names: everything (CDS, LDS), or nothing yet (EDS, RDS). */
  constructor(names: readonly string[] = []) {
    this.#names = names;
  }

  get names(): readonly string[] {
    return this.#names;
  }

  /** The version that was accepted last. */
  get version(): string {
    return this.#version;
  }

  /** The first request of a new stream: nonces are the old stream's own. */
  connect(): SubscriptionRequest {
    this.#nonce = "";
    return this.#request(undefined);
  }

  /** Undefined where nothing changes by it. Order does not matter. */
  subscribe(names: readonly string[]): SubscriptionRequest | undefined {
    const known = new Set(this.#names);
    if (names.length === known.size && names.every((name) => known.has(name))) return undefined;
    this.#names = names;
    return this.#request(undefined);
  }

  accept(version: string, nonce: string): SubscriptionRequest {
    this.#version = version;
    this.#nonce = nonce;
    return this.#request(undefined);
  }

  reject(nonce: string, error: string): SubscriptionRequest {
    this.#nonce = nonce;
    return this.#request(error);
  }

  #request(error: string | undefined): SubscriptionRequest {
    return {
      versionInfo: this.#version,
      responseNonce: this.#nonce,
      resourceNames: this.#names,
      error,
    };
  }
}
