/** One plain HTTP/1.1 hop with policies before it: what each request costs more. */
import { startOrigin } from "../contender/origin.ts";
import { type Policies, policiesConfig } from "../contender/policies.ts";
import { meshProxies, type Program } from "../contender/program.ts";
import { startSidecar } from "../contender/sidecar.ts";
import type { Contender, Metric, Sample, Scenario } from "../scenario.ts";
import type { Stage } from "../stage.ts";
import { measured } from "../tool/driven.ts";
import { freePort, type Running } from "../tool/running.ts";
import { wrk } from "../tool/wrk.ts";

const CONNECTIONS = 64;
const COUNTS: readonly Policies[] = [0, 1, 10, 100];

const METRICS: readonly Metric[] = COUNTS.map((count) => ({
  key: `cpuMicros${count}`,
  title: `µs/req, ${count}`,
  digits: 1,
}));

/** The same program as often as there are numbers of policies, each measured in turn. */
function guarded(stage: Stage, program: Program, origin: number): Contender {
  const start = async () => {
    const running: (readonly [Policies, Running])[] = [];
    for (const count of COUNTS) {
      const listen = await freePort();
      const config = policiesConfig(count, listen, origin);
      const name = `${program.name}-${count}`;
      running.push([count, await startSidecar(stage, program, name, listen, config)]);
    }
    return () => measureAll(stage, running);
  };
  return { name: program.name, version: program.version, start };
}

async function measureAll(
  { pace: { seconds } }: Stage,
  running: readonly (readonly [Policies, Running])[],
): Promise<Sample> {
  const sample: Record<string, number> = {};
  for (const [count, { pid, port }] of running) {
    const load = () => wrk(port, { connections: CONNECTIONS, seconds });
    const { cpuMicros = Number.NaN } = await measured([pid], load)();
    sample[`cpuMicros${count}`] = cpuMicros;
  }
  return sample;
}

export const policies: Scenario = {
  name: "policies",
  title: "Policies",
  load: `wrk, ${CONNECTIONS} connections; 0, 1, 10 and 100 policies, of which the last one allows`,
  metrics: METRICS,
  ratios: METRICS.map(({ key }) => key),
  budgets: [],
  contenders: async (stage) => {
    const { port } = await startOrigin(stage);
    return meshProxies().map((program) => guarded(stage, program, port));
  },
};
