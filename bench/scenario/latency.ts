/** How long a request takes where nothing is saturated. */
import { startOrigin } from "../contender/origin.ts";
import { haproxyConfig, nginxConfig } from "../contender/plain-proxies.ts";
import { haproxy, meshProxies, nginx } from "../contender/program.ts";
import { fileOf, hop } from "../contender/sidecar.ts";
import type { Contender, Measure, Scenario } from "../scenario.ts";
import { fortio } from "../tool/fortio.ts";
import type { Running } from "../tool/running.ts";

const CONNECTIONS = 16;
const REQUESTS_PER_SECOND = 1000;

export const latency: Scenario = {
  name: "latency",
  title: "Latency at 1000 requests a second",
  load: `fortio, ${CONNECTIONS} connections, HTTP/1.1, one plain hop`,
  metrics: [
    { key: "requestsPerSecond", title: "req/s", digits: 0 },
    { key: "p50Ms", title: "p50 ms", digits: 2 },
    { key: "p99Ms", title: "p99 ms", digits: 2 },
    { key: "p999Ms", title: "p99.9 ms", digits: 2 },
    { key: "failures", title: "failures", digits: 0 },
  ],
  ratios: ["p50Ms", "p99Ms", "p999Ms"],
  budgets: [
    { metric: "p50Ms", max: 0.7, of: "ratio" },
    { metric: "p99Ms", max: 0.8, of: "ratio" },
    { metric: "p999Ms", max: 1.0, of: "ratio" },
  ],
  contenders: async (stage) => {
    const { port: origin } = await startOrigin(stage);
    const { seconds } = stage.pace;
    const rate = { requestsPerSecond: REQUESTS_PER_SECOND, connections: CONNECTIONS, seconds };
    const drive =
      ({ port }: Pick<Running, "port">): Measure =>
      () =>
        fortio(port, rate);
    const direct: Contender = {
      name: "no proxy",
      version: "-",
      start: async () => drive({ port: origin }),
    };
    return [
      ...meshProxies().map((it) => hop(stage, it, fileOf("one-hop.yaml"), origin, drive)),
      ...nginx().map((it) => hop(stage, it, nginxConfig, origin, drive)),
      ...haproxy().map((it) => hop(stage, it, haproxyConfig, origin, drive)),
      direct,
    ];
  },
};
