import type { TcpKeepalive } from "../../../model/cluster.ts";
import type { ConnectionPoolSettings, Http2Keepalive } from "../../../model/destination-policy.ts";
import type { Spec } from "../spec.ts";

const UPGRADE = "UPGRADE";

/** ConnectionPoolSettings; in all its numbers 0 is the same as unset. */
export function readConnectionPool(pool: Spec): ConnectionPoolSettings | undefined {
  if (!pool.present) return undefined;
  const [tcp, http] = [pool.at("tcp"), pool.at("http")];
  if (!tcp.present && !http.present) {
    pool.refuse("connection pool must have at least one field", "tcp, http");
  }
  checkUpgrade(http);
  return {
    maxConnections: limit(tcp.at("maxConnections"), "max connections"),
    connectTimeoutMs: tcp.at("connectTimeout").durationMs(),
    maxConnectionDurationMs: tcp.at("maxConnectionDuration").durationMs(),
    tcpIdleTimeoutMs: tcp.at("idleTimeout").durationMs(),
    tcpKeepalive: readKeepalive(tcp.at("tcpKeepalive")),
    maxPendingRequests: limit(http.at("http1MaxPendingRequests"), "http1 max pending requests"),
    maxRequests: limit(http.at("http2MaxRequests"), "http2 max requests"),
    maxRequestsPerConnection: limit(
      http.at("maxRequestsPerConnection"),
      "max requests per connection",
    ),
    maxRetries: limit(http.at("maxRetries"), "max retries"),
    httpIdleTimeoutMs: http.at("idleTimeout").durationMs(),
    upgradesToHttp2: http.at("h2UpgradePolicy").text() === UPGRADE,
    useClientProtocol: http.at("useClientProtocol").flag() ?? false,
    maxConcurrentStreams: limit(http.at("maxConcurrentStreams"), "max concurrent streams"),
    http2Keepalive: readHttp2Keepalive(http.at("http2KeepAlive")),
    origin: pool.origin(),
  };
}

function limit(node: Spec, name: string): number | undefined {
  const value = node.integer() ?? 0;
  if (value < 0) node.refuse(`${name} must be non-negative`, "0 (unlimited) or more");
  return value > 0 ? value : undefined;
}

function readKeepalive(keepalive: Spec): TcpKeepalive | undefined {
  if (!keepalive.present) return undefined;
  return {
    probes: keepalive.at("probes").count() || undefined,
    timeS: seconds(keepalive.at("time")),
    intervalS: seconds(keepalive.at("interval")),
  };
}

/** The kernel counts whole seconds; Istio cuts off, and 0 would be refused. */
function seconds(node: Spec): number | undefined {
  const ms = node.durationMs();
  return ms === undefined ? undefined : Math.max(1, Math.floor(ms / 1000));
}

function checkUpgrade(http: Spec): void {
  const upgrades = http.at("h2UpgradePolicy").text() === UPGRADE;
  if (upgrades && http.at("useClientProtocol").flag() === true) {
    http.refuse("use client protocol must not be true when H2UpgradePolicy is UPGRADE");
  }
}

function readHttp2Keepalive(keepalive: Spec): Http2Keepalive | undefined {
  if (!keepalive.present) return undefined;
  const intervalMs = keepalive.at("interval").durationMs();
  const timeoutMs = keepalive.at("timeout").durationMs();
  if (intervalMs === undefined || timeoutMs === undefined) {
    keepalive.refuse("http2KeepAlive requires both interval and timeout");
    return undefined;
  }
  return { intervalMs, timeoutMs };
}
