import type { Pod, PodTemplate } from "../../model/mesh.ts";
import { podInterception } from "../fabric/interception.ts";
import type { NameTarget } from "../fabric/rules.ts";
import { fullName, type PlannedPod } from "./plan.ts";
import { pause } from "./readiness.ts";
import { type PodContext, RunningPod } from "./running-pod.ts";

export interface FleetOptions {
  readonly context: PodContext;
  /** Tells the control plane which pods there are now. */
  readonly announce: (pods: readonly Pod[]) => void;
  /** Where names are answered. */
  readonly names: () => readonly NameTarget[];
  /** How many pods start at the same time. */
  readonly parallel: number;
}

/** After a pod is no endpoint any more, its last requests have this long to end. */
const DRAIN_MS = 1000;
/** And what its apps have begun, after SIGTERM (Kubernetes: terminationGracePeriodSeconds). */
const REMOVAL_GRACE_MS = 30_000;

/** All running pods, kept as the plan wants them. */
export class Fleet {
  readonly #options: FleetOptions;
  readonly #running = new Map<string, RunningPod>();
  readonly #leaving = new Set<RunningPod>();
  readonly #told = new Set<string>();
  #failures = 0;
  #plan: readonly PlannedPod[] = [];
  #turn: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  get pods(): readonly Pod[] {
    return [...this.#running.values()].map((running) => running.pod);
  }

  /** How many pods did not become ready since the start. */
  get failures(): number {
    return this.#failures;
  }

  /** Starts what is new and ends what is no longer wanted; an outdated plan is passed over. */
  reconcile(plan: readonly PlannedPod[]): Promise<void> {
    this.#plan = plan;
    this.#turn = this.#turn.then(() => (this.#plan === plan ? this.#reconcile(plan) : undefined));
    return this.#turn;
  }

  /** Adds one pod whose processes the caller starts by itself. */
  async add(planned: PlannedPod): Promise<RunningPod> {
    const running = await this.#place(planned);
    this.#announce();
    await running.start();
    this.#announce();
    return running;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    const all = [...this.#running.values(), ...this.#leaving];
    await Promise.all(all.map((running) => running.stop()));
  }

  async #reconcile(plan: readonly PlannedPod[]): Promise<void> {
    if (this.#stopped) return;
    const wanted = new Map(plan.map((planned) => [planned.key, planned]));
    const names = new Set(plan.map(fullName));
    const gone = [...this.#running.values()].filter(
      ({ planned }) => !wanted.has(planned.key) && planned.key !== CLIENT_KEY,
    );
    // A StatefulSet's pod keeps its name: the old one goes first. Others leave once the new
    // ones are there.
    const [replaced, surplus] = partition(gone, ({ planned }) => names.has(fullName(planned)));
    await this.#remove(replaced);
    const fresh = plan.filter(({ key }) => !this.#running.has(key));
    await this.#bringUp(fresh);
    await this.#remove(surplus);
  }

  async #bringUp(fresh: readonly PlannedPod[]): Promise<void> {
    if (fresh.length === 0) return;
    const placed = await Promise.all(fresh.map((planned) => this.#place(planned)));
    // Sidecars ask for their configuration by their pod, which has to be known by then.
    this.#announce();
    await inParallel(placed, this.#options.parallel, (running) => this.#start(running));
  }

  async #place(planned: PlannedPod): Promise<RunningPod> {
    const { fabric } = this.#options.context;
    const { name, namespace, template } = planned;
    const interception = podInterception(template.annotations, fabric.gateways);
    if (refusesSidecar(template)) {
      this.#sayOnce(
        `${template.namespace}/${template.name}: ${INJECT}: "false" is not executed: ` +
          "the pod gets a sidecar",
      );
    }
    const site = { name, namespace, interception, names: this.#options.names() };
    const place = await fabric.place(site);
    const running = new RunningPod(planned, place, this.#options.context);
    this.#running.set(planned.key, running);
    for (const container of running.idleContainers) {
      this.#sayOnce(
        `${template.namespace}/${template.name}: container ${container} has no port and no ` +
          `command (annotation outrigger.dev/command.${container}): nothing runs for it`,
      );
    }
    return running;
  }

  async #start(running: RunningPod): Promise<void> {
    if (this.#stopped) return;
    const { say, clock } = this.#options.context;
    const begun = clock.now();
    try {
      await running.start();
      if (!running.ready) return;
      const seconds = ((clock.now() - begun) / 1000).toFixed(1);
      say(`${fullName(running.planned)} ready at ${running.place.address} after ${seconds} s`);
    } catch (error) {
      this.#failures += 1;
      say(`${fullName(running.planned)} is not ready: ${(error as Error).message}`);
    }
    this.#announce();
  }

  async #remove(gone: readonly RunningPod[]): Promise<void> {
    if (gone.length === 0) return;
    for (const running of gone) {
      this.#running.delete(running.planned.key);
      this.#leaving.add(running);
    }
    this.#announce();
    await pause(this.#options.context.clock, DRAIN_MS);
    await Promise.all(gone.map((running) => running.stop(REMOVAL_GRACE_MS)));
    for (const running of gone) {
      this.#leaving.delete(running);
      this.#options.context.say(`${fullName(running.planned)} removed`);
    }
  }

  #announce(): void {
    this.#options.announce(this.pods);
  }

  #sayOnce(line: string): void {
    if (this.#told.has(line)) return;
    this.#told.add(line);
    this.#options.context.say(line);
  }
}

/** COMMAND's pod is no template's, so no change of the files removes it. */
export const CLIENT_KEY = "client";

const INJECT = "sidecar.istio.io/inject";

function refusesSidecar({ labels, annotations }: PodTemplate): boolean {
  return labels[INJECT] === "false" || annotations[INJECT] === "false";
}

function partition<T>(items: readonly T[], test: (item: T) => boolean): [T[], T[]] {
  return [items.filter(test), items.filter((item) => !test(item))];
}

async function inParallel<T>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = [...items];
  const worker = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: limit }, worker));
}
