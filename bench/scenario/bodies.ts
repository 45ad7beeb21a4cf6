/** Long bodies: what moving bytes costs, apart from requests. */
import { writeCertificates } from "../contender/certificates.ts";
import { startOrigin } from "../contender/origin.ts";
import { pairs } from "../contender/pair.ts";
import { haproxyConfig, nginxConfig } from "../contender/plain-proxies.ts";
import { haproxy, meshProxies, nginx } from "../contender/program.ts";
import { fileOf, hop } from "../contender/sidecar.ts";
import type { Metric, Scenario } from "../scenario.ts";
import { DRIVEN_METRICS, measured } from "../tool/driven.ts";
import type { Running } from "../tool/running.ts";
import { wrk } from "../tool/wrk.ts";

const CONNECTIONS = 16;
/** So that CPU a request is CPU a MB. */
const BODY_BYTES = 1_000_000;
const LOAD = { connections: CONNECTIONS, path: `/bytes/${BODY_BYTES}` };

const METRICS: readonly Metric[] = DRIVEN_METRICS.map((metric) =>
  metric.key === "cpuMicros" ? { ...metric, title: "CPU us/MB" } : metric,
);

export const bodiesPlain: Scenario = {
  name: "bodies-plain",
  title: "Bodies of 1 MB, plain",
  load: `wrk, ${CONNECTIONS} connections, one hop`,
  metrics: METRICS,
  ratios: ["cpuMicros"],
  budgets: [{ metric: "cpuMicros", max: 1.0, of: "ratio" }],
  contenders: async (stage) => {
    const { port: origin } = await startOrigin(stage, [BODY_BYTES]);
    const { seconds } = stage.pace;
    const drive = ({ port, pid }: Running) =>
      measured([pid], () => wrk(port, { ...LOAD, seconds }));
    return [
      ...meshProxies().map((it) => hop(stage, it, fileOf("one-hop.yaml"), origin, drive)),
      ...nginx().map((it) => hop(stage, it, nginxConfig, origin, drive)),
      ...haproxy().map((it) => hop(stage, it, haproxyConfig, origin, drive)),
    ];
  },
};

export const bodiesMtls: Scenario = {
  name: "bodies-mtls",
  title: "Bodies of 1 MB, mTLS between two sidecars",
  load: `wrk, ${CONNECTIONS} connections; CPU of both sidecars together`,
  metrics: METRICS,
  ratios: ["cpuMicros"],
  budgets: [{ metric: "cpuMicros", max: 1.0, of: "ratio" }],
  contenders: async (stage) => {
    await writeCertificates(stage);
    const { port: origin } = await startOrigin(stage, [BODY_BYTES]);
    const { seconds } = stage.pace;
    return pairs(stage, origin, (port) => wrk(port, { ...LOAD, seconds }));
  },
};
