import { join } from "node:path";
import type { Clock } from "../../base/clock.ts";
import type { ControlSecurity } from "../../control/running-control.ts";
import { readAppMetrics } from "../../dialects/kubernetes/annotations/app-metrics.ts";
import { formatAddress } from "../../model/address.ts";
import type { Container, Labels, Pod } from "../../model/mesh.ts";
import { HEALTH_PORT, sidecarBootstrap } from "../bootstrap.ts";
import type { CompileCache } from "../compile-cache.ts";
import type { Fabric, Place } from "../fabric/fabric.ts";
import {
  type ContainerRun,
  containerEnvironment,
  containerRun,
  type PodSetting,
  tcpPorts,
  withoutProxies,
} from "./container.ts";
import { ContainerLog } from "./container-log.ts";
import type { PlannedPod } from "./plan.ts";
import { accepts, answersOk, silentPorts, until } from "./readiness.ts";
import { Supervised } from "./supervised.ts";

/** What all pods of a run share. */
export interface PodContext {
  readonly fabric: Fabric;
  /** The control plane's port with TLS, and the authority behind it. */
  readonly security: ControlSecurity;
  /** Program and arguments of `outrigger proxy -c -`. */
  readonly proxyCommand: readonly string[];
  readonly compileCache: CompileCache;
  /** The stand-in's file. */
  readonly standIn: string;
  /** Image to command, from the user's UpConfig. */
  readonly commands: Labels;
  /** Show what the containers' commands print. */
  readonly logs: boolean;
  /** Whether sidecars show their apps' metrics (Istio: MeshConfig.enablePrometheusMerge). */
  readonly mergesMetrics: () => boolean;
  readonly env: NodeJS.ProcessEnv;
  readonly clock: Clock;
  readonly say: (line: string) => void;
}

/** Of the sidecar's process. */
const STDIN_FD = 0;
const TOKEN_FD = 3;
const ROOTS_FD = 4;
const SIDECAR_DEADLINE_MS = 60_000;
const LISTEN_DEADLINE_MS = 30_000;
/** While the whole run ends; a pod that goes alone has longer (fleet.ts). */
const TERM_GRACE_MS = 2000;

/** One pod: its place, its containers' processes and its sidecar. */
export class RunningPod {
  readonly planned: PlannedPod;
  readonly place: Place;
  readonly setting: PodSetting;
  ready = false;
  readonly #context: PodContext;
  readonly #runs: readonly { container: Container; run: ContainerRun }[];
  #apps: Supervised[] = [];
  #sidecar: Supervised | undefined;
  #stopped = false;

  constructor(planned: PlannedPod, place: Place, context: PodContext) {
    this.planned = planned;
    this.place = place;
    this.#context = context;
    this.setting = settingOf(planned, place, context.fabric);
    this.#runs = planned.template.containers.map((container) => ({
      container,
      run: containerRun(planned.template, container, this.setting, context.commands),
    }));
  }

  /** As the control plane is told. */
  get pod(): Pod {
    const { name, namespace, template } = this.planned;
    const { labels, annotations, serviceAccount, containers } = template;
    return {
      ...{ name, namespace, labels, annotations, serviceAccount, containers },
      address: this.place.address,
      ipv6Address: this.place.ipv6Address,
      workload: template.name,
      ready: this.ready,
      appSockets: this.#appSockets(),
      // Its sidecar starts with an agent, and is ready once that holds a certificate.
      hasIdentity: true,
    };
  }

  /** Containers for which nothing runs here. */
  get idleContainers(): readonly string[] {
    return this.#runs
      .filter(({ run }) => run.kind === "nothing")
      .map((each) => each.container.name);
  }

  /** Starts everything; resolves when the apps listen and the sidecar has its configuration. */
  async start(): Promise<void> {
    const { clock } = this.#context;
    this.#sidecar = this.#startSidecar();
    this.#apps = this.#runs.flatMap(({ container, run }) => this.#startContainer(container, run));
    const giveUp = (): boolean => this.#stopped;
    const sidecar = until(clock, () => answersOk(this.place.address, HEALTH_PORT, HEALTH_PATH), {
      deadlineMs: SIDECAR_DEADLINE_MS,
      giveUp,
    });
    let silent = this.#ports();
    const listen = async (): Promise<boolean> => {
      silent = await this.#silentPorts();
      return silent.length === 0;
    };
    const apps = until(clock, listen, { deadlineMs: LISTEN_DEADLINE_MS, giveUp });
    const [sidecarReady, appsReady] = await Promise.all([sidecar, apps]);
    if (this.#stopped) return;
    if (!sidecarReady) throw new Error(`its sidecar got no configuration ${this.#words()}`);
    if (!appsReady) throw new Error(`nobody listens on ${silent.join(", ")}; ${LOGS_HINT}`);
    this.ready = true;
  }

  /** Ends the apps as Kubernetes does: SIGTERM, time to finish, then all at once. */
  async stop(termGraceMs: number = TERM_GRACE_MS): Promise<void> {
    this.#stopped = true;
    const commands = this.#runs.some(({ run }) => run.kind === "command");
    const graceMs = commands ? termGraceMs : 0;
    await Promise.all(this.#apps.map((app) => app.stop(graceMs)));
    await this.#sidecar?.stop(0);
    this.place.remove();
  }

  #words(): string {
    const words = this.#sidecar?.lastWords ?? "";
    return words === "" ? "" : `\n    ${words.replaceAll("\n", "\n    ")}`;
  }

  #startSidecar(): Supervised {
    const { proxyCommand, compileCache, clock, say, logs } = this.#context;
    const env = { ...withoutProxies(this.#context.env), ...compileCache.sidecar };
    const { name, namespace } = this.planned;
    const log = new ContainerLog(`${namespace}/${name} sidecar`, say);
    return new Supervised({
      // An access log on standard output shows where what containers print does.
      ...(logs ? { onOutput: (text: string) => log.write(text) } : {}),
      title: `${namespace}/${name}: sidecar`,
      place: this.place,
      program: {
        argv: [...proxyCommand, ...this.#agentFlags()],
        env,
        stdio: ["pipe", logs ? "pipe" : "ignore", "pipe", "pipe", "pipe"],
        folder: "/",
        as: "sidecar",
      },
      inputs: () => this.#sidecarInputs(),
      clock,
      say,
    });
  }

  /** Its agent reads the token and the roots where no other process can: not in a command line. */
  #agentFlags(): readonly string[] {
    const { security } = this.#context;
    const { namespace, template } = this.planned;
    return [
      ...["--ca", formatAddress(security.address), "--root", `fd:${ROOTS_FD}`],
      ...["--token", `fd:${TOKEN_FD}`, "--identity", `${namespace}/${template.serviceAccount}`],
      ...["--trust-domain", security.bundle.trustDomain],
    ];
  }

  /** The bootstrap, the roots of this moment, and a token that is good for one certificate. */
  #sidecarInputs(): ReadonlyMap<number, string> {
    const { fabric, mergesMetrics, security } = this.#context;
    const { name, namespace, template } = this.planned;
    const { annotations, labels, serviceAccount } = template;
    const appMetrics = mergesMetrics() ? readAppMetrics(annotations).page : undefined;
    const bootstrap = sidecarBootstrap({
      appMetrics,
      ...{ pod: name, namespace, labels, serviceAccount },
      ...{ ads: security.address, secure: true },
      workload: template.name,
      address: this.place.address,
      mode: fabric.mode,
    });
    return new Map([
      [STDIN_FD, bootstrap],
      [TOKEN_FD, security.joinToken({ namespace, serviceAccount })],
      [ROOTS_FD, security.bundle.roots],
    ]);
  }

  #startContainer(container: Container, run: ContainerRun): Supervised[] {
    if (run.kind === "nothing") return [];
    const { standIn, compileCache, env, clock, say, logs } = this.#context;
    const environment = containerEnvironment(container, this.setting, env);
    const { name, namespace } = this.planned;
    const program =
      run.kind === "command"
        ? { argv: ["sh", "-c", run.command], env: environment, folder: run.folder }
        : {
            argv: [process.execPath, standIn, JSON.stringify(run.config)],
            env: { ...environment, ...compileCache.standIn },
            folder: "/",
          };
    const title = `${namespace}/${name}: container ${container.name}`;
    const log = new ContainerLog(`${namespace}/${name} ${container.name}`, say);
    return [
      new Supervised({
        ...{ title, clock, say },
        ...(logs ? { onOutput: (text: string) => log.write(text) } : {}),
        place: this.place,
        // Unless asked for, what an app prints does not show; its last errors do when it ends.
        program: { ...program, stdio: ["ignore", logs ? "pipe" : "ignore", "pipe"], as: "app" },
      }),
    ];
  }

  /** The TCP ports that something has to listen on. */
  #ports(): number[] {
    return this.#runs
      .filter(({ run }) => run.kind !== "nothing")
      .flatMap(({ container }) => tcpPorts(container));
  }

  /** Those of them that nothing listens on yet. */
  async #silentPorts(): Promise<number[]> {
    const ports = this.#ports();
    if (ports.length === 0) return ports;
    if (this.#context.fabric.mode === "intercept") {
      const [pid] = this.#apps.flatMap((app) => app.pid ?? []);
      return pid === undefined ? ports : silentPorts(pid, ports);
    }
    const sockets = this.#appSockets() ?? {};
    const taken = await Promise.all(ports.map((port) => accepts(target(sockets[port] ?? ""))));
    return ports.filter((_, i) => !taken[i]);
  }

  /** Explicit mode: a stand-in's socket, or the address that a real command was told. */
  #appSockets(): Readonly<Record<number, string>> | undefined {
    const { socketOf, host } = this.setting;
    if (socketOf === undefined) return undefined;
    return Object.fromEntries(
      this.#runs.flatMap(({ container, run }) =>
        tcpPorts(container).map((port) => {
          return [port, run.kind === "standIn" ? socketOf(port) : `${host}:${port}`];
        }),
      ),
    );
  }
}

const LOGS_HINT = "--logs shows what its containers print";
const HEALTH_PATH = "/healthz/ready";

function target(where: string): string | { host: string; port: number } {
  const colon = where.lastIndexOf(":");
  if (where.startsWith("/") || colon < 0) return where;
  return { host: where.slice(0, colon), port: Number(where.slice(colon + 1)) };
}

function settingOf({ name, namespace }: PlannedPod, place: Place, fabric: Fabric): PodSetting {
  const { folder, gateway } = fabric;
  const { address, appAddress } = place;
  const own = { name, namespace, address };
  if (folder === undefined || appAddress === undefined) {
    const local = { host: "0.0.0.0", localhost: "127.0.0.1" };
    return { ...own, ...local, proxy: undefined, socketOf: undefined };
  }
  const except = ["localhost", "127.0.0.1", "::1", gateway, appAddress];
  return {
    ...own,
    host: appAddress,
    localhost: appAddress,
    proxy: { url: `http://${address}:15001`, except },
    socketOf: (port) => join(folder, `${address}-${port}.sock`),
  };
}
