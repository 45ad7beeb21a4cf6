import { availableParallelism } from "node:os";
import { fileURLToPath } from "node:url";
import { type Diagnostic, formatDiagnostic } from "../base/diagnostic.ts";
import type { ControlChange, RunningControl } from "../control/running-control.ts";
import { splitRows } from "../control/server/mesh-rows.ts";
import { formatAddress } from "../model/address.ts";
import type { Mesh, Pod, PodTemplate } from "../model/mesh.ts";
import { runCommand, sharesTerminal } from "./command.ts";
import { compileCacheFor } from "./compile-cache.ts";
import type { Fabric } from "./fabric/fabric.ts";
import { dialThrough } from "./fabric/outside/door.ts";
import type { Interrupt } from "./interrupt.ts";
import { askOverSockets, askOverTcp } from "./names/ask.ts";
import { MeshNames } from "./names/mesh-names.ts";
import { Zone } from "./names/zone.ts";
import { EXIT, type UpOptions } from "./options.ts";
import { clientEnvironment, withoutProxies } from "./pods/container.ts";
import { CLIENT_KEY, Fleet } from "./pods/fleet.ts";
import { type PlannedPod, planPods } from "./pods/plan.ts";
import { pause, until } from "./pods/readiness.ts";
import type { RunningPod } from "./pods/running-pod.ts";
import { LiveTable } from "./table/live-table.ts";
import { MeshView } from "./table/mesh-view.ts";
import type { Voice } from "./voice.ts";

export interface MeshParts {
  readonly options: UpOptions;
  readonly fabric: Fabric;
  readonly control: RunningControl;
  readonly voice: Voice;
  readonly interrupt: Interrupt;
}

const SYNC_DEADLINE_MS = 10_000;
const INTERRUPTED = 130;
const STOP_DEADLINE_MS = 1000;

/** One run of a mesh, from its first pod to its last. */
export class RunningMesh {
  readonly #parts: MeshParts;
  readonly #fleet: Fleet;
  readonly #view: MeshView;
  #names: MeshNames | undefined;
  #zone: Zone;
  #reported: ReadonlySet<string> = new Set();

  constructor(parts: MeshParts) {
    const { options, fabric, control, voice } = parts;
    const { clock } = options;
    const { security } = control;
    if (security === undefined) throw new Error("the control plane has no authority");
    this.#parts = parts;
    this.#zone = this.#zoneOf(control.mesh, []);
    this.#fleet = new Fleet({
      context: {
        fabric,
        security,
        proxyCommand: options.proxyCommand,
        compileCache: compileCacheFor(fabric.mode, options.compileCache),
        standIn: standInFile(),
        commands: options.commands,
        logs: options.logs,
        mergesMetrics: () => control.mesh.settings.mergesAppMetrics !== false,
        env: options.env,
        clock,
        say: (line) => voice.say(line),
      },
      announce: (pods) => {
        control.setPods(pods);
        this.#zone = this.#zoneOf(control.mesh, pods);
      },
      names: () => this.#names?.targets ?? [],
      // Starting is all CPU: more at once would only make each slower.
      parallel: availableParallelism() + 1,
    });
    this.#view = new MeshView({
      mode: fabric.mode,
      pods: () => this.#fleet.pods,
      splits: () => splitRows(control.mesh, this.#fleet.pods),
      now: () => clock.now(),
    });
  }

  /** Resolves with the exit status. */
  async run(): Promise<number> {
    const { interrupt, control } = this.#parts;
    const stopFollowing = control.onChange((change) => this.#follow(change));
    try {
      const interrupted = interrupt.requested.then(() => "interrupted" as const);
      const begun = await Promise.race([this.#bringUp(), interrupted]);
      if (begun === "interrupted") return INTERRUPTED;
      if (this.#parts.options.command.length > 0) return await this.#command(begun);
      return await this.#watch();
    } finally {
      stopFollowing();
      await this.#close();
    }
  }

  /** Resolves with COMMAND's pod, where it has one, when every pod is ready or has failed. */
  async #bringUp(): Promise<RunningPod | undefined> {
    const { options, control, fabric } = this.#parts;
    this.#report(control.diagnostics);
    if (fabric.mode === "intercept") this.#names = await this.#answerNames();
    const inPod = options.command.length > 0 && !options.outside;
    const [client] = await Promise.all([
      inPod ? this.#fleet.add(clientPod(options, control.mesh.podTemplates)) : undefined,
      this.#fleet.reconcile(planPods(control.mesh.podTemplates)),
    ]);
    await this.#settle();
    return client;
  }

  /** Waits until every sidecar has what the control plane knows now. */
  async #settle(): Promise<void> {
    const { control, options, voice } = this.#parts;
    const synced = await until(
      options.clock,
      () => {
        const rows = control.status();
        const ready = this.#fleet.pods.filter((pod) => pod.ready).length;
        return Promise.resolve(rows.length >= ready && rows.every((row) => row.synced));
      },
      { deadlineMs: SYNC_DEADLINE_MS, giveUp: () => false },
    );
    if (!synced) voice.say("some sidecars have not taken over the newest configuration yet");
  }

  #answerNames(): Promise<MeshNames> {
    const { fabric, options, control } = this.#parts;
    return MeshNames.open({
      hosts: fabric.gateways,
      ask: options.door === undefined ? askOverSockets() : askOverTcp(dialThrough(options.door)),
      clock: options.clock,
      registry: control.metrics,
      zone: () => this.#zone,
      namespaceAt: (address) => this.#namespaceAt(address),
    });
  }

  #zoneOf(mesh: Mesh, pods: readonly Pod[]): Zone {
    return new Zone(mesh, pods, this.#parts.fabric.podRanges);
  }

  #namespaceAt(address: string): string {
    return (
      this.#fleet.pods.find((pod) => pod.address === address || pod.ipv6Address === address)
        ?.namespace ?? "default"
    );
  }

  /** Says each finding once, until a reading comes without it. */
  #report(diagnostics: readonly Diagnostic[]): void {
    const lines = diagnostics.map(formatDiagnostic);
    for (const line of lines) if (!this.#reported.has(line)) this.#parts.voice.say(line);
    this.#reported = new Set(lines);
  }

  #follow({ diagnostics, accepted, mesh }: ControlChange): void {
    const { voice } = this.#parts;
    this.#report(diagnostics);
    voice.say(accepted ? "configuration read anew" : "the last good configuration stays");
    if (!accepted) return;
    this.#zone = this.#zoneOf(mesh, this.#fleet.pods);
    void this.#fleet.reconcile(planPods(mesh.podTemplates));
  }

  async #command(client: RunningPod | undefined): Promise<number> {
    const { options, fabric, voice, interrupt, control } = this.#parts;
    if (this.#fleet.failures > 0) {
      voice.say("the command is not run: not every pod is ready");
      return EXIT.failed;
    }
    const base = `http://${formatAddress(control.httpAddress)}`;
    const inherited = options.env;
    const env = client ? clientEnvironment(client.setting, inherited) : withoutProxies(inherited);
    let send: (name: NodeJS.Signals) => void = () => {};
    if (options.forMs !== undefined) options.clock.after(options.forMs, () => send("SIGTERM"));
    return runCommand({
      argv: options.command,
      env: { ...env, OUTRIGGER_CONSOLE: base, OUTRIGGER_SD: `${base}/sd` },
      folder: options.folder,
      ground: client?.place ?? { start: (program) => fabric.startOutside(program) },
      onSignal: (listener) => {
        send = listener;
        interrupt.handTo(listener);
      },
      sharesTerminal: sharesTerminal(),
    });
  }

  /** The live table until the end is asked for, then the summary of the whole run. */
  async #watch(): Promise<number> {
    const { options, voice, interrupt, control } = this.#parts;
    const { terminal, forMs, clock } = options;
    const { stdout } = terminal;
    const base = `http://${formatAddress(control.httpAddress)}`;
    const end = Promise.withResolvers<void>();
    void interrupt.requested.then(() => end.resolve());
    if (forMs !== undefined) void pause(clock, forMs).then(() => end.resolve());
    const colour = stdout.isTTY === true && terminal.mayColour;
    await this.#view.scrape();
    const table = stdout.isTTY ? this.#liveTable(base, colour, () => end.resolve()) : undefined;
    if (table === undefined) voice.say(`the mesh is up: ${base}/sd`);
    await end.promise;
    voice.divert(undefined);
    table?.stop();
    stdout.write(await this.#view.summary({ columns: stdout.columns ?? 80, colour }));
    return EXIT.ok;
  }

  #liveTable(base: string, colour: boolean, onQuit: () => void): LiveTable {
    const { voice, options } = this.#parts;
    const { terminal, clock } = options;
    const table = new LiveTable({
      input: terminal.stdin,
      output: terminal.stdout,
      colour,
      clock,
      title: () => this.#view.title(),
      notes: [
        `control plane  ${base}/api/status`,
        `splits         ${base}/api/splits`,
        `prometheus     ${base}/sd  (http_sd)`,
      ],
      rows: (withInstances) => this.#view.liveRows(withInstances),
      onQuit,
    });
    voice.divert((line) => table.say(line));
    table.start();
    return table;
  }

  async #close(): Promise<void> {
    const { fabric, control, options } = this.#parts;
    await this.#fleet.stop();
    this.#names?.close();
    // Before the fabric: the next run may get our address, and must find its ports free.
    await Promise.race([control.stop(), pause(options.clock, STOP_DEADLINE_MS)]);
    await fabric.close();
  }
}

/** COMMAND's pod: no container of its own, a sidecar, the identity that `--as` names. */
function clientPod(options: UpOptions, templates: readonly PodTemplate[]): PlannedPod {
  const { namespace, serviceAccount } = options.as;
  const taken = templates.some((each) => each.namespace === namespace && each.name === "client");
  const name = taken ? "outrigger-client" : "client";
  const position = { file: options.folder, line: 0, column: 0 };
  const template: PodTemplate = {
    kind: "Pod",
    ...{ name, namespace, serviceAccount },
    replicas: 1,
    labels: { app: name },
    annotations: {},
    serviceName: "",
    containers: [],
    origin: { position, kind: "Pod", namespace, name, path: "" },
  };
  return { name, namespace, template, key: CLIENT_KEY };
}

/** Beside this file; its ending says whether this is the repository or the published package. */
function standInFile(): string {
  const ending = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return fileURLToPath(new URL(`pods/stand-in.${ending}`, import.meta.url));
}
