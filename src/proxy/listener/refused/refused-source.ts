import type { RequestParser } from "../../../codec/h1/request-parser.ts";
import type { CompiledHcm } from "../../compile/compiled-hcm.ts";
import { EmptySource } from "../../format/source.ts";
import type { RequestAccount } from "../../telemetry/account.ts";
import type { TlsInfo } from "../../tls/tls-info.ts";
import type { Accepted } from "../accepted.ts";

/** Where the head came. */
export interface RefusedConnection {
  readonly hcm: CompiledHcm;
  readonly accepted: Accepted;
}

/** Of a head of HTTP/1; what is not well-formed says no version. */
export function protocolOf(head: RequestParser | undefined): string {
  return head?.version === 10 ? "HTTP/1.0" : "HTTP/1.1";
}

/** A connection whose head was refused, in words: nothing of the head is believed. */
export class RefusedSource extends EmptySource {
  readonly #connection: RefusedConnection;
  readonly #protocol: string;
  readonly #head: RequestParser | undefined;

  /** `head`: it is well-formed, as far as it goes. */
  constructor(
    account: RequestAccount,
    connection: RefusedConnection,
    protocol: string,
    head?: RequestParser,
  ) {
    super(account);
    this.#connection = connection;
    this.#protocol = protocol;
    this.#head = head;
  }

  override startedAtWallMs(): number {
    return this.#connection.hcm.context.clock.wall();
  }

  override protocol(): string {
    return this.#protocol;
  }

  override requestHeader(name: string): string | undefined {
    if (name === ":method") return this.#head?.method;
    return name === ":path" ? this.#head?.path : undefined;
  }

  override downstreamLocalAddress(): string {
    return this.#connection.accepted.localAddress;
  }

  override downstreamRemoteAddress(): string {
    return this.#connection.accepted.remoteAddress;
  }

  override downstreamDirectRemoteAddress(): string {
    return this.#connection.accepted.directRemoteAddress;
  }

  override downstreamTls(): TlsInfo | undefined {
    return this.#connection.accepted.tls;
  }

  override requestedServerName(): string {
    return this.#connection.accepted.serverName;
  }

  override filterChainName(): string {
    return this.#connection.hcm.chainName;
  }

  override logType(): string {
    return "DownstreamEnd";
  }
}
