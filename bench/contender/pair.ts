/** Two sidecars of one kind, each a process of its own, with mTLS between them. */
import type { Contender, Measure } from "../scenario.ts";
import type { Stage } from "../stage.ts";
import type { Driven } from "../tool/driven.ts";
import { measured } from "../tool/driven.ts";
import { freePort } from "../tool/running.ts";
import { envoy, outrigger, type Program } from "./program.ts";
import { configText, startSidecar } from "./sidecar.ts";

/** What the configuration says is spoken between the two. */
type Between = "h1" | "h2";

/** @param drive Loads a port; CPU and memory are those of both sidecars. */
function pair(
  stage: Stage,
  program: Program,
  name: string,
  between: Between,
  origin: number,
  drive: (port: number) => Promise<Driven>,
): Contender {
  const start = async (): Promise<Measure> => {
    const [outbound, inbound] = [await freePort(), await freePort()];
    const server = configText("pair-inbound.yaml", { 10000: inbound, 10001: origin });
    const client = configText(`pair-outbound-${between}.yaml`, { 10000: outbound, 10002: inbound });
    const accepts = { ready: "accepts" } as const;
    const serves = await startSidecar(stage, program, `${name}-in`, inbound, server, accepts);
    const calls = await startSidecar(stage, program, `${name}-out`, outbound, client);
    return measured([calls.pid, serves.pid], () => drive(outbound));
  };
  return { name, version: program.version, start };
}

/** Envoy both ways; Outrigger carries between its own sidecars whatever the file says. */
export function pairs(
  stage: Stage,
  origin: number,
  drive: (port: number) => Promise<Driven>,
): Contender[] {
  return [
    ...envoy().map((program) => pair(stage, program, "envoy-h1", "h1", origin, drive)),
    ...envoy().map((program) => pair(stage, program, "envoy-h2", "h2", origin, drive)),
    pair(stage, outrigger(), "outrigger", "h1", origin, drive),
  ];
}
