/** Connections that the proxy does not look into: many bytes on few, and few bytes on many. */
import { startOrigin } from "../contender/origin.ts";
import { haproxyTcpConfig } from "../contender/plain-proxies.ts";
import { haproxy, meshProxies } from "../contender/program.ts";
import { fileOf, hop } from "../contender/sidecar.ts";
import type { Metric, Scenario } from "../scenario.ts";
import { DRIVEN_METRICS, measured } from "../tool/driven.ts";
import { type WrkLoad, wrk } from "../tool/wrk.ts";

const CONNECTIONS = 16;
const BODY_BYTES = 1_000_000;

function tcp(
  name: string,
  title: string,
  load: string,
  unit: string,
  options: Pick<WrkLoad, "path" | "headers">,
): Scenario {
  const metrics: readonly Metric[] = DRIVEN_METRICS.map((metric) => ({
    ...metric,
    title: metric.title.replace("req", unit),
  }));
  return {
    name,
    title,
    load: `wrk, ${CONNECTIONS} connections, ${load}`,
    metrics,
    ratios: ["cpuMicros"],
    budgets: [],
    contenders: async (stage) => {
      const origin = await startOrigin(stage, [BODY_BYTES]);
      const wanted = { connections: CONNECTIONS, seconds: stage.pace.seconds, ...options };
      const programs = [
        ...meshProxies().map((program) => ({ program, config: fileOf("tcp.yaml") })),
        ...haproxy().map((program) => ({ program, config: haproxyTcpConfig })),
      ];
      return programs.map(({ program, config }) =>
        hop(stage, program, config, origin.port, ({ port, pid }) =>
          measured([pid], () => wrk(port, wanted)),
        ),
      );
    },
  };
}

export const tcpBytes: Scenario = tcp(
  "tcp-bytes",
  "TCP, 1 MB at a time",
  "responses of 1 MB on connections that are kept",
  "MB",
  { path: `/bytes/${BODY_BYTES}` },
);

export const tcpConnections: Scenario = tcp(
  "tcp-connections",
  "TCP, short connections",
  "one request of 100 bytes on each, then closed",
  "conn",
  { headers: ["connection: close"] },
);
