import type { HttpVersion, RequestMessage } from "../codec/http/message.ts";
import type { Downstream } from "./downstream.ts";
import type { DynamicMetadata } from "./filters/dynamic-metadata.ts";
import type { HttpFilters } from "./filters/http-filter.ts";
import type { FormatSource } from "./format/source.ts";
import type { ResponseWriter } from "./reply/response-writer.ts";
import type { Attempts } from "./retry/attempts.ts";
import type { HostChoice } from "./retry/host-choice.ts";
import type { HeldBody } from "./retry/request-stream.ts";
import type { RequestHead } from "./route/request-head.ts";
import type { Routing } from "./route/routing.ts";
import type { RequestAccount } from "./telemetry/account.ts";
import type { TlsInfo } from "./tls/tls-info.ts";

/** Near enough: what is no address is hardly made of these. */
const ADDRESS = /^[0-9a-fA-F.:]{2,45}$/;

const PROTOCOLS: Readonly<Record<HttpVersion, string>> = {
  10: "HTTP/1.0",
  11: "HTTP/1.1",
  20: "HTTP/2",
};

/** The parts of an exchange that log lines and header templates ask about. */
export interface ExchangeParts {
  readonly down: Downstream;
  readonly head: RequestMessage;
  readonly request: RequestHead;
  readonly attempts: Attempts;
  readonly account: RequestAccount;
  readonly source: FormatSource;
  readonly response: ResponseWriter;
  readonly routing: Routing;
  readonly filters: HttpFilters;
  /** What filters have said of the request. */
  readonly metadata: DynamicMetadata;
  readonly hosts: HostChoice;
  readonly body: HeldBody;
  readonly failureDetail: string;
}

/** An exchange in words, made only when somebody asks. */
export class ExchangeSource implements FormatSource {
  readonly #of: ExchangeParts;

  constructor(exchange: ExchangeParts) {
    this.#of = exchange;
  }

  get account(): RequestAccount {
    return this.#of.account;
  }

  startedAtWallMs(): number {
    const { clock } = this.#of.down.hcm.context;
    return clock.wall() - (clock.now() - this.#of.account.startedAtMs);
  }

  protocol(): string {
    return PROTOCOLS[this.#of.head.version];
  }

  requestHeader(name: string): string | undefined {
    return this.#of.request.header(name);
  }

  responseHeader(name: string): string | undefined {
    return this.#of.response.headers.joined(name);
  }

  responseTrailer(name: string): string | undefined {
    return this.#of.response.trailers.joined(name);
  }

  upstreamHost(): string {
    return this.#of.attempts.current.host?.text ?? "";
  }

  upstreamHostName(): string {
    const { host } = this.#of.attempts.current;
    return host?.endpoint.hostname || this.upstreamHost();
  }

  upstreamCluster(): string {
    return this.#of.routing.cluster?.name ?? "";
  }

  upstreamClusterStatName(): string {
    return this.#of.account.cluster.name;
  }

  upstreamRemoteAddress(): string {
    return this.#of.attempts.current.connected ? this.upstreamHost() : "";
  }

  upstreamLocalAddress(): string {
    return this.#of.attempts.current.localAddress;
  }

  upstreamProtocol(): string {
    return this.#of.attempts.current.protocol;
  }

  upstreamTls(): TlsInfo | undefined {
    return this.#of.attempts.current.tls;
  }

  upstreamTransportFailureReason(): string {
    return this.#of.failureDetail;
  }

  downstreamLocalAddress(): string {
    return this.#of.down.localAddress;
  }

  downstreamRemoteAddress(): string {
    const { down, request } = this.#of;
    const { skipXffAppend, useRemoteAddress, xffNumTrustedHops } = down.hcm.config;
    const direct = useRemoteAddress && xffNumTrustedHops === 0;
    const forwarded = direct ? undefined : request.header("x-forwarded-for");
    if (forwarded === undefined) return down.remoteAddress;
    // Behind trusted proxies we have added the last of them ourselves.
    const ours = useRemoteAddress && skipXffAppend ? 1 : 0;
    const address =
      forwarded
        .split(",")
        .at(-1 - xffNumTrustedHops + ours)
        ?.trim() ?? "";
    if (!ADDRESS.test(address)) return down.remoteAddress;
    return address.includes(":") ? `[${address}]:0` : `${address}:0`;
  }

  downstreamDirectRemoteAddress(): string {
    return this.#of.down.directRemoteAddress;
  }

  downstreamTls(): TlsInfo | undefined {
    return this.#of.down.tls;
  }

  /** There are no requests on such a connection. */
  downstreamTransportFailureReason(): string {
    return "";
  }

  connectionTerminationDetails(): string {
    return "";
  }

  dynamicMetadata(): DynamicMetadata {
    return this.#of.metadata;
  }

  requestedServerName(): string {
    return this.#of.down.tls?.serverName ?? "";
  }

  routeName(): string {
    return this.#of.routing.route?.name ?? "";
  }

  filterChainName(): string {
    return this.#of.down.hcm.chainName;
  }

  logType(): string {
    return "DownstreamEnd";
  }
}
