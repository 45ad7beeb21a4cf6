import type { HeadLimits } from "../../codec/h1/head-parser.ts";
import type { HttpConnectionManager } from "../../model/listener.ts";
import type { ProxyContext } from "../cluster/upstream-cluster.ts";
import type { ForwardedCertificate } from "../filters/client-certificate/forwarded-certificate.ts";
import type { HttpFilterFactory } from "../filters/http-filter.ts";
import type { InternalClients } from "../filters/internal-clients.ts";
import type { TelemetryExchange } from "../filters/peer-exchange.ts";
import type { RouteTable } from "../route/route-table.ts";
import type { HttpAccount } from "../telemetry/account.ts";

/** A route configuration's name; its table is replaced as a whole. */
export class RouteSlot {
  readonly name: string;
  /** Undefined until the configuration has arrived. */
  table: RouteTable | undefined;

  constructor(name: string) {
    this.name = name;
  }
}

/** An HTTP connection manager at work. */
export interface CompiledHcm {
  /** Of the filter chain; empty where it has none. */
  readonly chainName: string;
  readonly config: HttpConnectionManager;
  readonly context: ProxyContext;
  readonly routes: RouteSlot;
  readonly account: HttpAccount;
  readonly headLimits: HeadLimits;
  /** Undefined without a telemetry filter. */
  readonly peers: TelemetryExchange | undefined;
  /** Those that look at requests and answers one by one; most have none. */
  readonly filters: readonly HttpFilterFactory[];
  /** What becomes of `x-forwarded-client-cert`. */
  readonly clientCertificate: ForwardedCertificate;
  /** Whose `x-envoy-…` headers count; undefined: nobody's. */
  readonly internalClients?: InternalClients | undefined;
  /** gRPC-Web becomes gRPC. */
  readonly grpcWeb: boolean;
  /** What stands for this proxy in `x-forwarded-for` when the client is on this machine. */
  readonly localAddress: string;
  readonly allowedUpgrades: ReadonlySet<string>;
}
