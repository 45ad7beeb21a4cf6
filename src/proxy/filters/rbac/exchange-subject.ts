// hot path: no allocation per request
import type { ExchangeParts } from "../../exchange-source.ts";
import type { DynamicMetadata } from "../dynamic-metadata.ts";
import {
  AuthorityForms,
  KeptIp,
  PathForms,
  portOf,
  type RbacPeer,
  type RbacSubject,
} from "./subject.ts";

/** One exchange's request, as it is once the connection manager has taken it. */
export class ExchangeSubject implements RbacSubject {
  readonly #of: ExchangeParts;
  readonly #paths = new PathForms();
  readonly #authorities = new AuthorityForms();
  readonly #destination = new KeptIp();
  readonly #direct = new KeptIp();
  readonly #source = new KeptIp();
  readonly #remote = new KeptIp();

  constructor(of: ExchangeParts) {
    this.#of = of;
  }

  findHeader(name: string, from: number): number {
    return this.#of.head.headers.findName(name, from);
  }

  headerAt(index: number): string {
    return this.#of.head.headers.value(index);
  }

  pseudoHeader(name: string): string | undefined {
    const value = this.#of.request.header(name);
    return value === "" ? undefined : value;
  }

  get paths(): PathForms {
    this.#paths.take(this.#of.request.path);
    return this.#paths;
  }

  get authorities(): AuthorityForms {
    this.#authorities.take(this.#of.request.authority);
    return this.#authorities;
  }

  get secure(): boolean {
    return this.#of.down.secure;
  }

  get peer(): RbacPeer | undefined {
    return this.#of.down.tls?.peer;
  }

  get destinationIp(): Uint8Array | undefined {
    return this.#destination.ofAddress(this.#of.down.localAddress);
  }

  get destinationPort(): number {
    return portOf(this.#of.down.localAddress);
  }

  get directIp(): Uint8Array | undefined {
    return this.#direct.ofAddress(this.#of.down.directRemoteAddress);
  }

  get sourceIp(): Uint8Array | undefined {
    return this.#source.ofAddress(this.#of.down.remoteAddress);
  }

  get remoteIp(): Uint8Array | undefined {
    return this.#remote.ofAddress(this.#of.source.downstreamRemoteAddress());
  }

  get serverName(): string {
    return this.#of.source.requestedServerName();
  }

  get metadata(): DynamicMetadata {
    return this.#of.metadata;
  }
}
