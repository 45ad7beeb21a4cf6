import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { parse, stringify } from "yaml";
import { type SidecarIdentity, sidecarBootstrap } from "../../src/up/bootstrap.ts";
import { mortal } from "./mortal.ts";
import { tool } from "./tools.ts";

export interface RunningEnvoy {
  /** `http://127.0.0.1:PORT` of the admin interface. */
  readonly admin: string;
  /** What it has logged so far. */
  log(): string;
  stop(): Promise<void>;
}

/** A real Envoy that gets everything over ADS, as a sidecar of ours would. */
export async function startEnvoySidecar(sidecar: SidecarIdentity): Promise<RunningEnvoy> {
  const folder = mkdtempSync(join(tmpdir(), "outrigger-envoy-"));
  const bootstrap = parse(sidecarBootstrap(sidecar)) as Bootstrap;
  const { user_agent_name: _ours, ...node } = bootstrap.node;
  const address = { socket_address: { address: "127.0.0.1", port_value: 0 } };
  const config = { ...bootstrap, node, admin: { address } };
  const file = join(folder, "envoy.yaml");
  writeFileSync(file, stringify(config));
  const adminFile = join(folder, "admin");
  const quiet = ["--log-level", "warning", "--concurrency", "1", "--use-dynamic-base-id"];
  const args = ["-c", file, "--admin-address-path", adminFile, ...quiet];
  const child = spawn(...mortal(tool("envoy"), args));
  let log = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      log += text;
    });
  }
  const admin = `http://${await adminAddress(child, adminFile, () => log)}`;
  return {
    admin,
    log: () => log,
    stop: async () => {
      const exited = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGKILL");
      await exited;
      rmSync(folder, { recursive: true });
    },
  };
}

interface Bootstrap {
  readonly node: Readonly<Record<string, unknown>>;
}

async function adminAddress(child: ChildProcess, file: string, log: () => string): Promise<string> {
  while (child.exitCode === null) {
    const text = readIfThere(file);
    if (text !== "") return text;
    await pause(20);
  }
  throw new Error(`Envoy ended: ${log()}`);
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
