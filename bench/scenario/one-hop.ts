/** One plain HTTP/1.1 hop with the features on that a sidecar has on. */

import { startOrigin } from "../contender/origin.ts";
import { haproxyConfig, nginxConfig } from "../contender/plain-proxies.ts";
import { haproxy, meshProxies, nginx } from "../contender/program.ts";
import { fileOf, hop } from "../contender/sidecar.ts";
import type { Scenario } from "../scenario.ts";
import { DRIVEN_METRICS, measured } from "../tool/driven.ts";
import type { Running } from "../tool/running.ts";
import { wrk } from "../tool/wrk.ts";

const CONNECTIONS = 64;

export const oneHop: Scenario = {
  name: "one-hop",
  title: "One plain HTTP/1.1 hop",
  load: `wrk, ${CONNECTIONS} connections`,
  metrics: DRIVEN_METRICS,
  ratios: ["cpuMicros"],
  budgets: [{ metric: "cpuMicros", max: 0.45, of: "ratio" }],
  contenders: async (stage) => {
    const origin = await startOrigin(stage);
    const { seconds } = stage.pace;
    const drive = ({ port, pid }: Running) =>
      measured([pid], () => wrk(port, { connections: CONNECTIONS, seconds }));
    return [
      ...meshProxies().map((it) => hop(stage, it, fileOf("one-hop.yaml"), origin.port, drive)),
      ...nginx().map((it) => hop(stage, it, nginxConfig, origin.port, drive)),
      ...haproxy().map((it) => hop(stage, it, haproxyConfig, origin.port, drive)),
    ];
  },
};
