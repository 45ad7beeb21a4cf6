import { randomInt } from "node:crypto";
import type { Clock } from "../../base/clock.ts";
import type { Registry } from "../../metrics/registry.ts";
import type { NameTarget } from "../fabric/rules.ts";
import { Answerer } from "./answerer.ts";
import { hostResolvers } from "./ask.ts";
import { type Ask, Forwarder } from "./forwarder.ts";
import { NameMetrics } from "./name-metrics.ts";
import { Responder } from "./responder.ts";
import type { Zone } from "./zone.ts";

export interface MeshNamesOptions {
  /** The gateway's addresses, which every pod reaches. */
  readonly hosts: readonly string[];
  readonly clock: Clock;
  /** How this machine's resolvers are asked. */
  readonly ask: Ask;
  readonly registry: Registry;
  /** Of the newest state; asked anew for each query. */
  readonly zone: () => Zone;
  /** Of the pod with this address. */
  readonly namespaceAt: (address: string) => string;
}

const DNS_PORT = 53;

/** Answers the names of all pods, at two ports: what a sidecar is told differs (see Asker). */
export class MeshNames {
  readonly #targets: NameTarget[] = [];
  readonly #responders: Responder[] = [];

  private constructor() {}

  /** One a host: where what programs ask of port 53 is sent, and what sidecars ask. */
  get targets(): readonly NameTarget[] {
    return this.#targets;
  }

  static async open(options: MeshNamesOptions): Promise<MeshNames> {
    const { hosts, clock, ask, registry, zone, namespaceAt } = options;
    const observer = new NameMetrics(registry);
    const forwarder = new Forwarder({
      servers: hostResolvers(),
      ask,
      clock,
      // Whoever guesses it forges an answer: of the system's own chance.
      nextId: () => randomInt(0x1_0000),
      observer,
    });
    const answerer = new Answerer({
      zone,
      forward: (query, transport) => forwarder.forward(query, transport),
      observer,
    });
    const names = new MeshNames();
    const listen = (host: string, port: number, sidecar: boolean): Promise<Responder> =>
      Responder.listen({
        ...{ host, port, answerer },
        askerAt: (address) => ({ namespace: namespaceAt(address), sidecar }),
      });
    try {
      for (const host of hosts) await names.#answerAt(host, listen);
      return names;
    } catch (error) {
      names.close();
      throw error;
    }
  }

  /** On port 53, or where the host's own resolver has that on every address, on any other. */
  async #answerAt(
    host: string,
    listen: (host: string, port: number, sidecar: boolean) => Promise<Responder>,
  ): Promise<void> {
    const app = await listen(host, DNS_PORT, false).catch(() => listen(host, 0, false));
    this.#responders.push(app);
    const sidecar = await listen(host, 0, true);
    this.#responders.push(sidecar);
    this.#targets.push({ gateway: host, ports: { app: app.port, sidecar: sidecar.port } });
  }

  close(): void {
    for (const responder of this.#responders) responder.close();
  }
}
