import type { HealthCheck } from "../../model/upstream/health-check.ts";
import type { Host } from "../cluster/host.ts";
import { Http1Probe } from "./probe/http1-probe.ts";
import { Http2Probe } from "./probe/http2-probe.ts";
import type { Probe, ProbeOwner } from "./probe/probe.ts";
import { TcpProbe } from "./probe/tcp-probe.ts";

/** How a host is asked what this configuration asks. */
export function probeOf(host: Host, config: HealthCheck, owner: ProbeOwner): Probe {
  if (config.kind === "tcp") return new TcpProbe(host, config, owner);
  if (config.kind === "http" && config.codec === "http1") {
    return new Http1Probe(host, config, owner);
  }
  return new Http2Probe(host, config, owner);
}
