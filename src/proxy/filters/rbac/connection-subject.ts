import { parseIp } from "../../../base/ip-address.ts";
import type { TunnelClient } from "../../tcp/tunnel-end.ts";
import type { DynamicMetadata } from "../dynamic-metadata.ts";
import { AuthorityForms, KeptIp, PathForms, type RbacPeer, type RbacSubject } from "./subject.ts";

/** A TCP connection, or a stream of another that stands for one. It has nothing of a request. */
export class ConnectionSubject implements RbacSubject {
  readonly paths: PathForms = new PathForms();
  readonly authorities: AuthorityForms = new AuthorityForms();
  readonly metadata: DynamicMetadata;
  readonly #of: TunnelClient;

  constructor(of: TunnelClient, metadata: DynamicMetadata) {
    this.#of = of;
    this.metadata = metadata;
  }

  findHeader(): number {
    return -1;
  }

  headerAt(): string {
    return "";
  }

  pseudoHeader(): string | undefined {
    return undefined;
  }

  get secure(): boolean {
    return this.#of.tls !== undefined;
  }

  get peer(): RbacPeer | undefined {
    return this.#of.tls?.peer;
  }

  get destinationIp(): Uint8Array | undefined {
    const { destination } = this.#of;
    return destination.kind === "socket" ? parseIp(destination.host) : undefined;
  }

  get destinationPort(): number {
    const { destination } = this.#of;
    return destination.kind === "socket" ? destination.port : -1;
  }

  get directIp(): Uint8Array | undefined {
    return new KeptIp().ofAddress(this.#of.directRemoteAddress);
  }

  get sourceIp(): Uint8Array | undefined {
    return parseIp(this.#of.remote.host);
  }

  get remoteIp(): Uint8Array | undefined {
    return this.sourceIp;
  }

  get serverName(): string {
    return this.#of.serverName || (this.#of.tls?.serverName ?? "");
  }
}
