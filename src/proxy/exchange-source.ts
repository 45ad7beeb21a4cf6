import type { HeaderTable } from "../codec/h1/header-table.ts";
import type { RequestParser } from "../codec/h1/request-parser.ts";
import type { Attempt } from "./attempt.ts";
import type { Downstream } from "./downstream.ts";
import type { RequestHead } from "./route/request-head.ts";
import type { FormatSource } from "./route/template.ts";
import type { LogSource } from "./telemetry/access-log/logger.ts";
import type { RequestAccount } from "./telemetry/account.ts";

/** The parts of an exchange that log lines and header templates ask about. */
export interface ExchangeParts {
  readonly down: Downstream;
  readonly head: RequestParser;
  readonly request: RequestHead;
  readonly attempt: Attempt;
  readonly account: RequestAccount;
  readonly responseHeaders: HeaderTable;
  readonly routeName: string;
  readonly clusterName: string;
  readonly failureDetail: string;
}

/** An exchange in words, made only when somebody asks. */
export class ExchangeSource implements LogSource, FormatSource {
  readonly #of: ExchangeParts;

  constructor(exchange: ExchangeParts) {
    this.#of = exchange;
  }

  protocol(): string {
    return this.#of.head.version === 10 ? "HTTP/1.0" : "HTTP/1.1";
  }

  requestHeader(name: string): string {
    return this.#of.request.header(name) ?? "";
  }

  responseHeader(name: string): string {
    return name === "" ? "" : (this.#of.responseHeaders.joined(name) ?? "");
  }

  responseCode(): number {
    return this.#of.account.code;
  }

  upstreamHost(): string {
    return this.#of.attempt.host?.text ?? "";
  }

  upstreamCluster(): string {
    return this.#of.clusterName;
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

  downstreamRemoteAddress(): string {
    return this.#of.down.remoteAddress;
  }

  connectionTerminationDetails(): string {
    return "";
  }

  requestedServerName(): string {
    return "";
  }

  routeName(): string {
    return this.#of.routeName;
  }
}
