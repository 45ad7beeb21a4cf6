import { afterEach, describe, expect, it } from "vitest";
import { calmOverload } from "../../../test/support/calm-overload.ts";
import { VirtualClock } from "../../base/clock.ts";
import { SeededRandom } from "../../base/random.ts";
import { Registry } from "../../metrics/registry.ts";
import { formatAddress } from "../../model/address.ts";
import type { Endpoint } from "../../model/endpoint.ts";
import { readBootstrap } from "../bootstrap.ts";
import { Faults } from "../faults.ts";
import { LocalLimits } from "../limits/limits.ts";
import { Telemetry } from "../telemetry/telemetry.ts";
import { newTicketSecret } from "../tls/session/ticket-keys.ts";
import { TlsContexts, TlsReloads } from "../tls/tls-contexts.ts";
import { Resolution } from "./resolution.ts";

const EVERY_MS = 5000;

function endpoint(host: string): Endpoint {
  const address = { kind: "socket", host, port: 80 } as const;
  return { address, hostname: "", hashKey: "", health: "healthy", weight: 1, workload: undefined };
}

const running: Resolution[] = [];

afterEach(() => {
  for (const one of running.splice(0)) one.stop();
});

/** A resolution whose answers the test gives, one after the other; undefined fails. */
class Asked {
  readonly clock = new VirtualClock();
  readonly names: string[] = [];
  readonly stats;
  readonly resolution: Resolution;
  readonly #answers: (readonly string[] | undefined)[];
  #heard: (endpoints: readonly Endpoint[]) => void = () => undefined;

  constructor(
    hosts: readonly string[],
    answers: (readonly string[] | undefined)[],
    firstOnly = false,
  ) {
    this.#answers = answers;
    const { bootstrap } = readBootstrap("{}", "test.json");
    if (bootstrap === undefined) throw new Error("refused");
    const registry = new Registry();
    const telemetry = new Telemetry(registry, bootstrap.node, "");
    const reloads = new TlsReloads(registry);
    this.stats = telemetry.cluster("a");
    this.resolution = new Resolution(hosts.map(endpoint), {
      everyMs: EVERY_MS,
      firstOnly,
      context: {
        clock: this.clock,
        random: new SeededRandom(1),
        telemetry,
        resolve: (name) => this.#resolve(name),
        carrying: true,
        faults: new Faults(registry, () => undefined),
        tls: new TlsContexts({
          clock: this.clock,
          reloads,
          ticketSecret: newTicketSecret(),
          onNotice: () => undefined,
        }),
        limitsOf: ({ thresholds }) => new LocalLimits(thresholds),
        overload: calmOverload(this.clock),
      },
      stats: this.stats,
      onEndpoints: (endpoints) => this.#heard(endpoints),
    });
    running.push(this.resolution);
  }

  /** The addresses of the round under way. */
  async round(): Promise<readonly string[]> {
    const found = await new Promise<readonly Endpoint[]>((resolve) => {
      this.#heard = resolve;
    });
    // The timer of the next round is set right after the endpoints are told.
    await Promise.resolve();
    return found.map(({ address }) => formatAddress(address));
  }

  /** The addresses of the next round, when its time has come. */
  next(): Promise<readonly string[]> {
    this.clock.advance(EVERY_MS);
    return this.round();
  }

  #resolve(name: string): Promise<readonly string[]> {
    this.names.push(name);
    const answer = this.#answers.shift();
    return answer === undefined ? Promise.reject(new Error("ENOTFOUND")) : Promise.resolve(answer);
  }
}

describe("the addresses of a name", () => {
  it("are all of them, each once, with the endpoint's port", async () => {
    const asked = new Asked(["a.test"], [["10.0.0.1", "10.0.0.2", "10.0.0.1"]]);
    expect(await asked.round()).toEqual(["10.0.0.1:80", "10.0.0.2:80"]);
    expect(asked.stats.value("update_success")).toBe(1);
  });

  it("are only the first one where the cluster is logical", async () => {
    const asked = new Asked(["a.test"], [["10.0.0.1", "10.0.0.2"]], true);
    expect(await asked.round()).toEqual(["10.0.0.1:80"]);
  });

  it("stand beside addresses that need no asking", async () => {
    const asked = new Asked(["10.9.9.9", "a.test", "::1"], [["10.0.0.1"]]);
    expect(await asked.round()).toEqual(["10.9.9.9:80", "10.0.0.1:80", "[::1]:80"]);
    expect(asked.names).toEqual(["a.test"]);
  });
});

describe("a name is asked for again", () => {
  it("after the refresh rate and not before", async () => {
    const asked = new Asked(["a.test"], [["10.0.0.1"], ["10.0.0.2"], ["10.0.0.3"]]);
    await asked.round();
    asked.clock.advance(EVERY_MS - 1);
    expect(asked.names.length).toBe(1);
    asked.clock.advance(1);
    expect(await asked.round()).toEqual(["10.0.0.2:80"]);
    expect(await asked.next()).toEqual(["10.0.0.3:80"]);
  });

  it("after a failure, which keeps what was known", async () => {
    const asked = new Asked(["a.test"], [["10.0.0.1"], undefined, ["10.0.0.2"]]);
    await asked.round();
    expect(await asked.next()).toEqual(["10.0.0.1:80"]);
    expect(asked.stats.value("update_failure")).toBe(1);
    expect(await asked.next()).toEqual(["10.0.0.2:80"]);
    expect(asked.stats.value("update_attempt")).toBe(3);
  });

  it("no more once it is stopped", async () => {
    const asked = new Asked(["a.test"], [["10.0.0.1"], ["10.0.0.2"]]);
    await asked.round();
    asked.resolution.stop();
    asked.clock.advance(10 * EVERY_MS);
    expect(asked.names).toEqual(["a.test"]);
  });
});
