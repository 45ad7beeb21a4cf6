import type { HttpVersion, RequestMessage } from "../codec/http/message.ts";
import type { Attempt } from "./attempt.ts";
import type { Downstream } from "./downstream.ts";
import type { HttpFilters } from "./filters/http-filter.ts";
import type { ResponseWriter } from "./reply/response-writer.ts";
import type { RequestHead } from "./route/request-head.ts";
import type { Routing } from "./route/routing.ts";
import type { FormatSource } from "./route/template.ts";
import type { LogSource } from "./telemetry/access-log/logger.ts";
import type { RequestAccount } from "./telemetry/account.ts";

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
  readonly attempt: Attempt;
  readonly account: RequestAccount;
  readonly response: ResponseWriter;
  readonly routing: Routing;
  readonly filters: HttpFilters;
  readonly failureDetail: string;
}

/** An exchange in words, made only when somebody asks. */
export class ExchangeSource implements LogSource, FormatSource {
  readonly #of: ExchangeParts;

  constructor(exchange: ExchangeParts) {
    this.#of = exchange;
  }

  protocol(): string {
    return PROTOCOLS[this.#of.head.version];
  }

  requestHeader(name: string): string {
    return this.#of.request.header(name) ?? "";
  }

  responseHeader(name: string): string {
    return name === "" ? "" : (this.#of.response.headers.joined(name) ?? "");
  }

  responseTrailer(name: string): string {
    return name === "" ? "" : (this.#of.response.trailers.joined(name) ?? "");
  }

  responseCode(): number {
    return this.#of.account.code;
  }

  attempts(): number {
    return this.#of.account.attempts;
  }

  upstreamHost(): string {
    return this.#of.attempt.host?.text ?? "";
  }

  upstreamCluster(): string {
    return this.#of.routing.cluster?.name ?? "";
  }

  upstreamLocalAddress(): string {
    return this.#of.attempt.localAddress;
  }

  upstreamTransportFailureReason(): string {
    return this.#of.failureDetail;
  }

  downstreamLocalAddress(): string {
    return this.#of.down.localAddress;
  }

  /** Whom proxies in front say it is, where the listener is told to believe them. */
  downstreamRemoteAddress(): string {
    const { down, request } = this.#of;
    const { useRemoteAddress, xffNumTrustedHops } = down.hcm.config;
    const forwarded = useRemoteAddress ? undefined : request.header("x-forwarded-for");
    if (forwarded === undefined) return down.remoteAddress;
    const address =
      forwarded
        .split(",")
        .at(-1 - xffNumTrustedHops)
        ?.trim() ?? "";
    if (!ADDRESS.test(address)) return down.remoteAddress;
    return address.includes(":") ? `[${address}]:0` : `${address}:0`;
  }

  connectionTerminationDetails(): string {
    return "";
  }

  requestedServerName(): string {
    return "";
  }

  routeName(): string {
    return this.#of.routing.route?.name ?? "";
  }
}
