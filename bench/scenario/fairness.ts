/** Whether one long body leaves the others' requests as quick as they were. */
import fs from "node:fs";
import { writeCertificates } from "../contender/certificates.ts";
import { startOrigin } from "../contender/origin.ts";
import { pairs } from "../contender/pair.ts";
import type { Sample, Scenario } from "../scenario.ts";
import type { Stage } from "../stage.ts";
import { withBulk } from "../tool/bulk.ts";
import type { Driven } from "../tool/driven.ts";
import { fortio } from "../tool/fortio.ts";

const CONNECTIONS = 16;
const REQUESTS_PER_SECOND = 500;
const BODY_BYTES = 1_000_000_000;
const BODY = `/bytes/${BODY_BYTES}`;

/** A file of that length which takes no room. */
function writeBody(stage: Stage): void {
  fs.truncateSync(stage.write(BODY.slice(1), ""), BODY_BYTES);
}

async function drive(port: number, seconds: number): Promise<Driven & Sample> {
  const rate = { requestsPerSecond: REQUESTS_PER_SECOND, connections: CONNECTIONS, seconds };
  const ask = (): Promise<Sample> => fortio(port, rate);
  const alone = await ask();
  const stream = await withBulk(port, BODY, "reads", ask);
  const stalled = await withBulk(port, BODY, "stalls", ask);
  const value = (sample: Sample, key: string): number => sample[key] ?? Number.NaN;
  const all = [alone, stream, stalled];
  return {
    requests: 1,
    requestsPerSecond: value(stream, "requestsPerSecond"),
    p50Ms: value(alone, "p50Ms"),
    p99Ms: value(alone, "p99Ms"),
    streamP50Ms: value(stream, "p50Ms"),
    streamP99Ms: value(stream, "p99Ms"),
    stalledP99Ms: value(stalled, "p99Ms"),
    failures: all.reduce((sum, sample) => sum + value(sample, "failures"), 0),
  };
}

export const fairness: Scenario = {
  name: "fairness",
  title: "Latency beside one long body, between two sidecars with mTLS",
  load:
    `fortio, ${CONNECTIONS} connections, ${REQUESTS_PER_SECOND} requests a second: alone, beside ` +
    "a client that reads bodies of 1 GB as fast as it can, beside one that has stopped reading",
  metrics: [
    { key: "p50Ms", title: "p50 ms", digits: 2 },
    { key: "p99Ms", title: "p99 ms", digits: 2 },
    { key: "streamP50Ms", title: "stream p50 ms", digits: 2 },
    { key: "streamP99Ms", title: "stream p99 ms", digits: 2 },
    { key: "stalledP99Ms", title: "stalled p99 ms", digits: 2 },
    { key: "failures", title: "failures", digits: 0 },
  ],
  ratios: ["p99Ms", "streamP99Ms", "stalledP99Ms"],
  budgets: [
    { metric: "streamP99Ms", max: 1.0, of: "ratio" },
    { metric: "stalledP99Ms", max: 1.0, of: "ratio" },
  ],
  contenders: async (stage) => {
    await writeCertificates(stage);
    writeBody(stage);
    const origin = await startOrigin(stage);
    const { seconds } = stage.pace;
    return pairs(stage, origin.port, (port) => drive(port, seconds));
  },
};
