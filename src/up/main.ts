import { dirname } from "node:path";
import { formatDiagnostic } from "../base/diagnostic.ts";
import { startControl } from "../control/main.ts";
import type { ControlStart } from "../control/running-control.ts";
import { socketAddress } from "../model/address.ts";
import { type AuthorityFolder, openAuthorityFolder } from "./authority-folder.ts";
import { refusedCommand } from "./command.ts";
import { openFabric } from "./fabric/choose.ts";
import type { Fabric } from "./fabric/fabric.ts";
import { dialDirectly, dialThrough } from "./fabric/outside/door.ts";
import { Interrupt } from "./interrupt.ts";
import { OwnRanges } from "./names/reverse.ts";
import { EXIT, type UpOptions } from "./options.ts";
import { RunningMesh } from "./running-mesh.ts";
import { inUserNamespace, mayUseUserNamespace } from "./user-namespace.ts";
import { Voice } from "./voice.ts";

/** Istio's port for xDS and certificates, and the one of its control plane's HTTP server. */
const SECURE_PORT = 15012;
const HTTP_PORT = 15014;

/**
 * `outrigger up`: the ground, the control plane, the pods, then COMMAND or the table, and all of
 * it down again. Resolves with the exit status.
 */
export async function up(options: UpOptions): Promise<number> {
  const voice = new Voice(options.terminal);
  const [command] = options.command;
  if (command !== undefined) {
    const refused = refusedCommand(command, options.env.PATH ?? "", options.folder);
    if (refused !== undefined) {
      voice.say(refused.reason);
      return refused.status;
    }
  }
  const interrupt = new Interrupt(options.signals);
  try {
    if (options.mode === "intercept" && mayUseUserNamespace()) {
      return await inUserNamespace(options, voice, interrupt);
    }
    return await onFabric(options, voice, interrupt);
  } catch (error) {
    voice.say((error as Error).message);
    return EXIT.failed;
  } finally {
    interrupt.close();
  }
}

async function onFabric(options: UpOptions, voice: Voice, interrupt: Interrupt): Promise<number> {
  const fabric = await openFabric({
    mode: options.mode,
    random: options.random,
    temporary: options.temporary,
    readable: options.proxyCommand.filter((part) => part.startsWith("/")),
    dial: options.door === undefined ? dialDirectly : dialThrough(options.door),
    say: (line) => voice.say(line),
  });
  // In a user namespace, whoever stands outside of it removes what we leave.
  const temporary = options.door === undefined ? options.temporary : dirname(options.door);
  const folder = openAuthorityFolder(options.caDir, temporary);
  try {
    const started = await startOn(fabric, folder, options);
    if (started.kind === "refused") {
      for (const diagnostic of started.diagnostics) voice.say(formatDiagnostic(diagnostic));
      voice.say("nothing was started");
      return EXIT.refused;
    }
    const mesh = new RunningMesh({ options, fabric, control: started.control, voice, interrupt });
    return await mesh.run();
  } finally {
    await Promise.all([fabric.close(), folder.close()]);
  }
}

/** On Istio's ports, or where another program has those on every address, on any others. */
async function startOn(
  { gateway, podRanges }: Fabric,
  folder: AuthorityFolder,
  { paths, clock }: UpOptions,
): Promise<ControlStart> {
  const pods = new OwnRanges(podRanges);
  const start = (securePort: number, httpPort: number): Promise<ControlStart> =>
    startControl({
      paths,
      secure: {
        address: socketAddress(gateway, securePort),
        caDir: folder.path,
        audit: (line) => folder.audit(line),
      },
      httpAddress: socketAddress(gateway, httpPort),
      // COMMAND and Prometheus may be pods themselves.
      httpAccess: { trusts: (address) => pods.has(address) },
      clock,
    });
  try {
    return await start(SECURE_PORT, HTTP_PORT);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    return start(0, 0);
  }
}
