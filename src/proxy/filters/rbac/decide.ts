import { parseIp } from "../../../base/ip-address.ts";
import { spiffeIdOf } from "../../../identity/spiffe-id.ts";
import type { Rbac, RbacRules } from "../../../model/filter/rbac.ts";
import { DynamicMetadata, type MetadataFields } from "../dynamic-metadata.ts";
import { CompiledRules, NO_POLICY } from "./compiled-rules.ts";
import { AuthorityForms, PathForms, type RbacPeer, type RbacSubject } from "./subject.ts";

/** A request, or a connection, in words; what is left out is not known. */
export interface DescribedRequest {
  /** `GET`; left out of a TCP connection, as are path, host and headers. */
  readonly method?: string;
  readonly scheme?: "http" | "https";
  /** Host, with port where the client says one. */
  readonly host?: string;
  /** Path and query, normalised as the listener does it. */
  readonly path?: string;
  /** Names in any case; a name may stand several times. */
  readonly headers?: readonly (readonly [string, string])[];
  /** The URIs in the client's certificate: `spiffe://cluster.local/ns/default/sa/web`. */
  readonly principal?: string | readonly string[];
  /** Of the connection's other end. */
  readonly sourceIp?: string;
  /** Of the client by `x-forwarded-for`; left out: `sourceIp`. */
  readonly remoteIp?: string;
  readonly destinationIp?: string;
  readonly destinationPort?: number;
  readonly serverName?: string;
  /** By filter: `envoy.filters.http.jwt_authn`. */
  readonly metadata?: Readonly<Record<string, MetadataFields>>;
}

/** What a set of rules makes of a request. */
export interface RulesDecision {
  readonly allowed: boolean;
  /** The name of the policy that matched; undefined: none. */
  readonly policy: string | undefined;
}

/** What a filter makes of it; undefined where it has no such rules. */
export interface RbacDecision {
  readonly enforced: RulesDecision | undefined;
  readonly shadow: RulesDecision | undefined;
}

/**
 * What the data plane would do with such a request, by the same code. Throws where a regex, an
 * address or a template of the rules is none.
 */
export function decideRbac(rbac: Rbac, request: DescribedRequest): RbacDecision {
  const subject = new DescribedSubject(request);
  return {
    enforced: rbac.rules && decideRules(rbac.rules, subject),
    shadow: rbac.shadowRules && decideRules(rbac.shadowRules, subject),
  };
}

function decideRules(rules: RbacRules, subject: RbacSubject): RulesDecision {
  const compiled = new CompiledRules(rules);
  const matched = compiled.match(subject);
  const policy = matched === NO_POLICY ? undefined : compiled.names[matched];
  return { allowed: compiled.allows(matched), policy };
}

class DescribedSubject implements RbacSubject {
  readonly paths: PathForms = new PathForms();
  readonly authorities: AuthorityForms = new AuthorityForms();
  readonly secure: boolean;
  readonly peer: RbacPeer | undefined;
  readonly metadata: DynamicMetadata = new DynamicMetadata();
  readonly #of: DescribedRequest;
  readonly #headers: readonly (readonly [string, string])[];

  constructor(of: DescribedRequest) {
    this.#of = of;
    // A client's bytes are characters of one byte each, here as on the wire.
    this.#headers = (of.headers ?? []).map(([name, value]) => [name.toLowerCase(), bytesOf(value)]);
    this.paths.take(of.path ?? "");
    this.authorities.take(of.host ?? "");
    this.secure = of.principal !== undefined;
    this.peer = of.principal === undefined ? undefined : peerOf(of.principal);
    for (const [filter, fields] of Object.entries(of.metadata ?? {})) {
      this.metadata.set(filter, fields);
    }
  }

  findHeader(name: string, from: number): number {
    return this.#headers.findIndex(([one], at) => at >= from && one === name);
  }

  headerAt(index: number): string {
    return this.#headers[index]?.[1] ?? "";
  }

  pseudoHeader(name: string): string | undefined {
    const { host, method, path, scheme = "http" } = this.#of;
    if (name === ":method") return method;
    if (name === ":authority") return host;
    if (name === ":path") return path || undefined;
    return name === ":scheme" && method !== undefined ? scheme : undefined;
  }

  get destinationIp(): Uint8Array | undefined {
    return addressOf(this.#of.destinationIp);
  }

  get destinationPort(): number {
    return this.#of.destinationPort ?? -1;
  }

  get directIp(): Uint8Array | undefined {
    return addressOf(this.#of.sourceIp);
  }

  get sourceIp(): Uint8Array | undefined {
    return addressOf(this.#of.sourceIp);
  }

  get remoteIp(): Uint8Array | undefined {
    return addressOf(this.#of.remoteIp ?? this.#of.sourceIp);
  }

  get serverName(): string {
    return this.#of.serverName ?? "";
  }
}

function bytesOf(text: string): string {
  return Buffer.from(text).toString("latin1");
}

function addressOf(text: string | undefined): Uint8Array | undefined {
  return text === undefined ? undefined : parseIp(text);
}

function peerOf(principal: string | readonly string[]): RbacPeer {
  const uri = typeof principal === "string" ? [principal] : principal;
  const names = { dns: [], uri, email: [], ip: [] };
  return { names, identity: spiffeIdOf(uri), subject: "" };
}
