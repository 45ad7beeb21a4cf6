import { spawnSync } from "node:child_process";
import type { Random } from "../../base/random.ts";
import { ExplicitFabric } from "./explicit-fabric.ts";
import type { Fabric } from "./fabric.ts";
import { InterceptFabric } from "./intercept-fabric.ts";
import type { Dial } from "./outside/door.ts";

export type Mode = "auto" | "intercept" | "explicit";

export interface FabricChoice {
  readonly mode: Mode;
  readonly random: Random;
  readonly temporary: string;
  /** What the sidecar's user has to be able to read. */
  readonly readable: readonly string[];
  /** How pods reach what is outside the mesh. */
  readonly dial: Dial;
  /** One line for the user. */
  readonly say: (line: string) => void;
}

/** Namespaces where they can be had, else explicit mode with the reason. */
export async function openFabric(choice: FabricChoice): Promise<Fabric> {
  const explicit = (): Promise<Fabric> => ExplicitFabric.open(choice.random, choice.temporary);
  if (choice.mode === "explicit") return explicit();
  const missing = missingForInterception();
  if (missing !== undefined && choice.mode === "intercept") {
    throw new Error(`--mode intercept needs ${missing}`);
  }
  if (missing !== undefined) {
    choice.say(`explicit mode: interception needs ${missing}; --mode intercept insists`);
    return explicit();
  }
  try {
    return await InterceptFabric.open(choice.readable, choice.dial);
  } catch (error) {
    if (choice.mode === "intercept") throw error;
    choice.say(`explicit mode: interception failed: ${(error as Error).message}`);
    return explicit();
  }
}

/** What is missing, in words, or undefined. */
function missingForInterception(): string | undefined {
  if (process.platform !== "linux") return "Linux";
  if (process.getuid?.() !== 0) return "root, or a user namespace with subordinate ids (newuidmap)";
  const tools = ["ip", "iptables-restore", "setpriv", "unshare", "nsenter", "mount"];
  const script = 'for tool; do command -v "$tool" >/dev/null || echo "$tool"; done';
  const result = spawnSync("sh", ["-c", script, "sh", ...tools], { encoding: "utf8" });
  const absent = result.stdout
    .trim()
    .split("\n")
    .filter((tool) => tool !== "");
  return absent.length === 0 ? undefined : `the tools ${absent.join(", ")}`;
}
