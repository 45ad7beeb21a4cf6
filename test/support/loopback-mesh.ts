import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { startControl } from "../../src/control/main.ts";
import type { RunningControl } from "../../src/control/running-control.ts";
import { type SocketAddress, socketAddress } from "../../src/model/address.ts";
import type { Pod } from "../../src/model/mesh.ts";
import type { SidecarIdentity } from "../../src/up/bootstrap.ts";
import { standIn } from "../../src/up/pods/stand-in.ts";
import { startEnvoySidecar } from "./envoy-sidecar.ts";
import { podsOfMesh } from "./mesh.ts";
import { startProxySidecar } from "./proxy-sidecar.ts";
import type { ToolName } from "./tools.ts";

const CLIENT_ADDRESS = "127.0.0.9";
const ADMIN_PORT = 15000;
const FIRST_POD = 2;
const START_MS = 10_000;
const POLL_MS = 20;

interface Sidecar {
  log(): string;
  stop(): Promise<void>;
}

/** What a client's sidecar may be. */
export interface Plane {
  readonly name: string;
  readonly needs: readonly ToolName[];
  start(identity: SidecarIdentity): Sidecar | Promise<Sidecar>;
}

export const PLANES: readonly Plane[] = [
  { name: "our data plane", needs: [], start: startProxySidecar },
  { name: "a real Envoy", needs: ["envoy"], start: startEnvoySidecar },
];

export interface LoopbackMesh {
  readonly control: RunningControl;
  /** The client sidecar's `http_proxy`. */
  readonly proxy: { readonly host: string; readonly port: number };
  /** The client sidecar's admin server. */
  readonly admin: SocketAddress;
  stop(): Promise<void>;
}

/**
 * The least mesh with real sockets: the control plane on these files, a stand-in for each pod on
 * a loopback address, and one client whose sidecar runs in explicit mode.
 */
export async function startLoopbackMesh(
  plane: Plane,
  paths: readonly string[],
  namespace = "default",
  servePod: (pod: Pod, index: number) => Promise<() => void> = serve,
): Promise<LoopbackMesh> {
  const undo: (() => unknown)[] = [];
  const stop = async (): Promise<void> => {
    for (const step of undo.reverse()) await step();
  };
  try {
    const control = await controlOn(paths);
    undo.push(() => control.stop());
    const pods = podsOfMesh(control.mesh).map(onLoopback);
    for (const [index, pod] of pods.entries()) undo.push(await servePod(pod, index));
    control.setPods(pods);
    const sidecar = await plane.start(clientIn(namespace, control.adsAddress));
    undo.push(() => sidecar.stop());
    const proxy = { host: CLIENT_ADDRESS, port: 15001 };
    await untilOpen(proxy, sidecar);
    return { control, proxy, admin: socketAddress(CLIENT_ADDRESS, ADMIN_PORT), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A configuration may be acknowledged a moment before its listener is bound. */
async function untilOpen(door: LoopbackMesh["proxy"], sidecar: Sidecar): Promise<void> {
  const deadline = performance.now() + START_MS;
  while (performance.now() < deadline) {
    if (await accepts(door)) return;
    await pause(POLL_MS);
  }
  throw new Error(`the sidecar does not listen: ${sidecar.log()}`);
}

function accepts({ host, port }: LoopbackMesh["proxy"]): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    socket.on("connect", () => resolve(true));
    socket.on("error", () => resolve(false));
    socket.on("connect", () => socket.destroy());
  });
}

async function controlOn(paths: readonly string[]): Promise<RunningControl> {
  const loopback = socketAddress("127.0.0.1", 0);
  const started = await startControl({ paths, adsAddress: loopback, httpAddress: loopback });
  if (started.kind === "refused") throw new Error(JSON.stringify(started.diagnostics));
  return started.control;
}

/** Named as a Deployment's pods are. */
function onLoopback(pod: Pod, index: number): Pod {
  return { ...pod, name: `${pod.workload}-aaaa-bbbb`, address: `127.0.44.${FIRST_POD + index}` };
}

async function serve(pod: Pod): Promise<() => void> {
  const identity = {
    service: pod.labels.app ?? "",
    pod: pod.name,
    namespace: pod.namespace,
    version: pod.labels.version ?? "",
    container: "stand-in",
  };
  const ports = new Set(pod.containers.flatMap(({ ports: declared }) => declared));
  const servers = [...ports].map(({ port }) => standIn(identity).listen(port, pod.address));
  await Promise.all(servers.map((server) => once(server, "listening")));
  return () => {
    for (const server of servers) {
      server.close();
      server.closeAllConnections();
    }
  };
}

function clientIn(namespace: string, ads: SocketAddress): SidecarIdentity {
  return {
    pod: "client",
    workload: "client",
    serviceAccount: "default",
    namespace,
    address: CLIENT_ADDRESS,
    mode: "explicit",
    labels: { app: "client" },
    ads,
  };
}
