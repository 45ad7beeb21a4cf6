import { randomInt } from "node:crypto";
import type { Clock } from "../../base/clock.ts";
import type { Registry } from "../../metrics/registry.ts";
import { Answerer } from "./answerer.ts";
import { askOverSockets, hostResolvers } from "./ask.ts";
import { Forwarder } from "./forwarder.ts";
import { NameMetrics } from "./name-metrics.ts";
import { Responder } from "./responder.ts";
import type { Zone } from "./zone.ts";

/** Where a pod's namespace sends what its programs ask of port 53, and what its sidecar asks. */
export interface NamePorts {
  readonly app: number;
  readonly sidecar: number;
}

export interface MeshNamesOptions {
  /** The gateway's address, which every pod reaches. */
  readonly host: string;
  readonly clock: Clock;
  readonly registry: Registry;
  /** Of the newest state; asked anew for each query. */
  readonly zone: () => Zone;
  /** Of the pod with this address. */
  readonly namespaceAt: (address: string) => string;
}

const DNS_PORT = 53;

/** Answers the names of all pods, at two ports: what a sidecar is told differs (see Asker). */
export class MeshNames {
  readonly ports: NamePorts;
  readonly #responders: readonly Responder[];

  private constructor(app: Responder, sidecar: Responder) {
    this.#responders = [app, sidecar];
    this.ports = { app: app.port, sidecar: sidecar.port };
  }

  /** On port 53, or where the host's own resolver has that on every address, on any other. */
  static async open(options: MeshNamesOptions): Promise<MeshNames> {
    const { host, clock, registry, zone, namespaceAt } = options;
    const observer = new NameMetrics(registry);
    const forwarder = new Forwarder({
      servers: hostResolvers(),
      ask: askOverSockets(),
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
    const listen = (port: number, sidecar: boolean): Promise<Responder> =>
      Responder.listen({
        ...{ host, port, answerer },
        askerAt: (address) => ({ namespace: namespaceAt(address), sidecar }),
      });
    const app = await listen(DNS_PORT, false).catch(() => listen(0, false));
    try {
      return new MeshNames(app, await listen(0, true));
    } catch (error) {
      app.close();
      throw error;
    }
  }

  close(): void {
    for (const responder of this.#responders) responder.close();
  }
}
