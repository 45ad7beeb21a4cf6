/** From nothing to the first answer. */
import { startOrigin } from "../contender/origin.ts";
import { haproxyConfig, nginxConfig } from "../contender/plain-proxies.ts";
import { haproxy, meshProxies, nginx, type Program } from "../contender/program.ts";
import { fileOf, type HopConfig } from "../contender/sidecar.ts";
import type { Contender, Sample, Scenario } from "../scenario.ts";
import type { Stage } from "../stage.ts";
import { freePort } from "../tool/running.ts";
import { startTime } from "../tool/start-time.ts";

function starter(stage: Stage, program: Program, config: HopConfig, origin: number): Contender {
  const measure = async (): Promise<Sample> => {
    const listen = await freePort();
    // Envoy goes by the name that a file ends with, the others do not care.
    const file = stage.write(`${program.name}.yaml`, config({ listen, origin }));
    return { startMs: await startTime(program.command(file), listen, stage.folder) };
  };
  // The first start fills caches: the kernel's, and Node's of compiled code.
  const start = async () => measure().then(() => measure);
  return { name: program.name, version: program.version, start };
}

export const start: Scenario = {
  name: "start",
  title: "Start to serving",
  load: "until a request through one plain hop is answered; the built package, its cache warm",
  metrics: [{ key: "startMs", title: "start ms", digits: 0 }],
  ratios: ["startMs"],
  budgets: [{ metric: "startMs", max: 250, of: "value" }],
  freshRoundsMax: 15,
  contenders: async (stage) => {
    const { port: origin } = await startOrigin(stage);
    return [
      ...meshProxies().map((it) => starter(stage, it, fileOf("one-hop.yaml"), origin)),
      ...nginx().map((it) => starter(stage, it, nginxConfig, origin)),
      ...haproxy().map((it) => starter(stage, it, haproxyConfig, origin)),
    ];
  },
};
