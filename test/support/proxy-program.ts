import { type SocketAddress, socketAddress } from "../../src/model/address.ts";
import { ask } from "./ask.ts";
import { eventually, freePort, startEnvoy, startOutrigger } from "./envoy-process.ts";

export type ProxyKind = "envoy" | "outrigger";

/** A proxy as a process of its own. */
export interface ProxyProgram {
  readonly pid: number;
  readonly port: number;
  readonly admin: SocketAddress;
  stop(): Promise<void>;
}

/** Runs one, with an admin server and one listener whose configured port is 0. It is ready. */
export async function startProgram(
  kind: ProxyKind,
  listener: unknown,
  clusters: readonly unknown[],
): Promise<ProxyProgram> {
  const port = await freePort();
  const admin = socketAddress("127.0.0.1", await freePort());
  const resources = JSON.stringify({ listeners: [listener], clusters });
  const text = JSON.stringify({
    admin: { address: { socket_address: { address: admin.host, port_value: admin.port } } },
    static_resources: JSON.parse(resources.replace('"port_value":0', `"port_value":${port}`)),
  });
  const program = kind === "envoy" ? startEnvoy(text) : startOutrigger(text);
  await eventually(`${kind} is ready`, () => isReady(admin)).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${program.log()}`);
  });
  return { pid: program.pid, port, admin, stop: () => program.stop() };
}

async function isReady(admin: SocketAddress): Promise<boolean> {
  try {
    return (await ask(admin, "/ready")).status === 200;
  } catch {
    return false;
  }
}
