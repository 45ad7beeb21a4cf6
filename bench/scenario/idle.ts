/** What a connection costs that is open and silent, as most are. */
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { writeCertificates } from "../contender/certificates.ts";
import { startOrigin } from "../contender/origin.ts";
import { meshProxies, type Program } from "../contender/program.ts";
import { configText, startSidecar } from "../contender/sidecar.ts";
import type { Contender, Sample, Scenario } from "../scenario.ts";
import type { Stage } from "../stage.ts";
import { withIdle } from "../tool/idle.ts";
import { residentBytes } from "../tool/process-tree.ts";
import { freePort, type Running } from "../tool/running.ts";

const BARE = path.join(path.dirname(fileURLToPath(import.meta.url)), "../child/bare-server.ts");

/** Opened and closed beforehand, so that what is made once is not counted. */
const WARM_UP_CONNECTIONS = 200;
/** For memory that is given back a moment later. */
const SETTLE_MS = 1500;

interface Kind {
  readonly tls: boolean;
  readonly config: string;
}

async function perConnection(stage: Stage, { pid, port }: Running, kind: Kind): Promise<Sample> {
  const connections = stage.pace.quick ? 2000 : 5000;
  const folder = kind.tls ? stage.folder : undefined;
  const settled = async (): Promise<number> => {
    await sleep(SETTLE_MS);
    return residentBytes(pid);
  };
  const before = await withIdle(port, WARM_UP_CONNECTIONS, folder, async () => 0).then(settled);
  const after = await withIdle(port, connections, folder, settled);
  return {
    kibibytesPerConnection: (after - before) / connections / 1024,
    residentMegabytes: after / 2 ** 20,
  };
}

/** A process for each round: what one has once taken it does not give back. */
function contender(
  stage: Stage,
  kind: Kind,
  { name, version }: Pick<Program, "name" | "version">,
  start: () => Promise<Running>,
): Contender {
  const measure = async (): Promise<Sample> => {
    const running = await start();
    try {
      return await perConnection(stage, running, kind);
    } finally {
      await running.end();
    }
  };
  return { name, version, start: async () => measure };
}

function idle(name: string, kind: Kind, kibibytesMax: number): Scenario {
  const wire = kind.tls ? "mTLS" : "plain";
  return {
    name,
    title: `Memory of an idle connection, ${wire}`,
    load: "5000 connections (2000 with --quick), each answered once over HTTP/1.1, then silent",
    metrics: [
      { key: "kibibytesPerConnection", title: "RSS a connection KiB", digits: 1 },
      { key: "residentMegabytes", title: "RSS MB", digits: 1 },
    ],
    ratios: ["kibibytesPerConnection"],
    budgets: [{ metric: "kibibytesPerConnection", max: kibibytesMax, of: "value" }],
    freshRoundsMax: 3,
    contenders: async (stage) => {
      if (kind.tls) await writeCertificates(stage);
      const origin = await startOrigin(stage);
      const proxies = meshProxies().map((program) =>
        contender(stage, kind, program, async () => {
          const port = await freePort();
          const yaml = configText(kind.config, { 10000: port, 10001: origin.port });
          return startSidecar(stage, program, program.name, port, yaml, { ready: "accepts" });
        }),
      );
      const bare = {
        name: `bare node:${kind.tls ? "tls" : "net"}`,
        version: process.versions.node,
      };
      const floor = contender(stage, kind, bare, async () => {
        const port = await freePort();
        const args = [`${port}`, ...(kind.tls ? [stage.folder] : [])];
        return stage.run("bare", port, [process.execPath, BARE, ...args], "accepts");
      });
      return [...proxies, floor];
    },
  };
}

export const idlePlain: Scenario = idle("idle-plain", { tls: false, config: "one-hop.yaml" }, 12);
export const idleMtls: Scenario = idle("idle-mtls", { tls: true, config: "pair-inbound.yaml" }, 80);
