/** From sidecar to sidecar over mTLS, which is what a mesh does all day. */
import { writeCertificates } from "../contender/certificates.ts";
import { startOrigin } from "../contender/origin.ts";
import { pairs } from "../contender/pair.ts";
import type { Scenario } from "../scenario.ts";
import { DRIVEN_METRICS } from "../tool/driven.ts";
import { wrk } from "../tool/wrk.ts";

function pairOf(connections: number, cpuRatioMax: number): Scenario {
  return {
    name: `pair-${connections}`,
    title: `Two sidecars with mTLS between them, ${connections} connections`,
    load: `wrk, HTTP/1.1, ${connections} connections; CPU and memory of both sidecars together`,
    metrics: DRIVEN_METRICS,
    ratios: ["cpuMicros"],
    budgets: [{ metric: "cpuMicros", max: cpuRatioMax, of: "ratio" }],
    contenders: async (stage) => {
      await writeCertificates(stage);
      const origin = await startOrigin(stage);
      const { seconds } = stage.pace;
      return pairs(stage, origin.port, (port) => wrk(port, { connections, seconds }));
    },
  };
}

export const pair64: Scenario = pairOf(64, 0.33);
export const pair8: Scenario = pairOf(8, 0.45);
