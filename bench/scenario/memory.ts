/** Resident memory of a sidecar that reaches one service, and of one that reaches a thousand. */
import { setTimeout as sleep } from "node:timers/promises";
import { startOrigin } from "../contender/origin.ts";
import { meshProxies, type Program } from "../contender/program.ts";
import { servicesConfig } from "../contender/services.ts";
import { startSidecar } from "../contender/sidecar.ts";
import type { Sample, Scenario } from "../scenario.ts";
import type { Stage } from "../stage.ts";
import { residentBytes } from "../tool/process-tree.ts";
import { freePort } from "../tool/running.ts";
import { wrk } from "../tool/wrk.ts";

const CONNECTIONS = 16;
const SETTLE_MS = 1500;

async function settledMegabytes(pid: number): Promise<number> {
  await sleep(SETTLE_MS);
  return residentBytes(pid) / 2 ** 20;
}

async function measure(
  stage: Stage,
  program: Program,
  services: number,
  origin: number,
): Promise<Sample> {
  const port = await freePort();
  const config = servicesConfig(services, port, origin);
  const running = await startSidecar(stage, program, program.name, port, config);
  try {
    const startMegabytes = await settledMegabytes(running.pid);
    const { failures } = await wrk(port, { connections: CONNECTIONS, seconds: stage.pace.seconds });
    return { startMegabytes, usedMegabytes: await settledMegabytes(running.pid), failures };
  } finally {
    await running.end();
  }
}

function memory(services: number, title: string, ratioMax: number): Scenario {
  return {
    name: `memory-${services}`,
    title: `Resident memory, ${title}`,
    load: `at rest after the start, and again at rest after wrk with ${CONNECTIONS} connections`,
    metrics: [
      { key: "startMegabytes", title: "RSS after start MB", digits: 1 },
      { key: "usedMegabytes", title: "RSS after load MB", digits: 1 },
      { key: "failures", title: "failures", digits: 0 },
    ],
    ratios: ["startMegabytes", "usedMegabytes"],
    budgets: [{ metric: "usedMegabytes", max: ratioMax, of: "ratio" }],
    freshRoundsMax: 3,
    contenders: async (stage) => {
      const { port: origin } = await startOrigin(stage);
      return meshProxies().map((program) => ({
        name: program.name,
        version: program.version,
        start: async () => () => measure(stage, program, services, origin),
      }));
    },
  };
}

export const memory1: Scenario = memory(1, "1 service of 10 endpoints", 1.3);
export const memory1000: Scenario = memory(1000, "1000 services of 10 endpoints each", 1.0);
