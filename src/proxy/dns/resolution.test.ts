import { afterEach, describe, expect, it } from "vitest";
import { calmOverload } from "../../../test/support/calm-overload.ts";
import { VirtualClock } from "../../base/clock.ts";
import { Registry } from "../../metrics/registry.ts";
import { formatAddress } from "../../model/address.ts";
import { type ClusterLoadAssignment, type Endpoint, NO_LOCALITY } from "../../model/endpoint.ts";
import { DNS_DEFAULTS, type DnsOptions } from "../../model/upstream/dns.ts";
import { readBootstrap } from "../bootstrap.ts";
import { Faults } from "../faults.ts";
import { LocalLimits } from "../limits/limits.ts";
import { Telemetry } from "../telemetry/telemetry.ts";
import { newTicketSecret } from "../tls/session/ticket-keys.ts";
import { TlsContexts, TlsReloads } from "../tls/tls-contexts.ts";
import { Resolution } from "./resolution.ts";
import type { DnsAnswer } from "./resolver.ts";

const EVERY_MS = 5000;

function endpoint(host: string): Endpoint {
  const address = { kind: "socket", host, port: 80 } as const;
  return { address, hostname: "", hashKey: "", health: "healthy", weight: 1, workload: undefined };
}

function assignmentOf(hosts: readonly string[]): ClusterLoadAssignment {
  const localities = hosts.map((host, priority) => ({
    locality: NO_LOCALITY,
    priority,
    weight: 0,
    endpoints: [endpoint(host)],
  }));
  return { clusterName: "a", localities, overprovisioningFactor: 140 };
}

const running: Resolution[] = [];

afterEach(() => {
  for (const one of running.splice(0)) one.stop();
});

/** Addresses, or addresses that hold for so many seconds; undefined fails. */
type Answer =
  | readonly string[]
  | { readonly addresses: readonly string[]; ttlS: number }
  | undefined;

/** A resolution whose answers the test gives, one after the other. */
class Asked {
  readonly clock = new VirtualClock();
  readonly names: string[] = [];
  readonly stats;
  readonly resolution: Resolution;
  readonly #answers: Answer[];
  #heard: (assignment: ClusterLoadAssignment) => void = () => undefined;

  constructor(
    hosts: readonly string[],
    answers: Answer[],
    { logical = false, ...dns }: Partial<DnsOptions> & { readonly logical?: boolean } = {},
  ) {
    this.#answers = answers;
    const { bootstrap } = readBootstrap("{}", "test.json");
    if (bootstrap === undefined) throw new Error("refused");
    const registry = new Registry();
    const telemetry = new Telemetry(registry, bootstrap.node, "");
    const reloads = new TlsReloads(registry);
    this.stats = telemetry.cluster("a");
    this.resolution = new Resolution(assignmentOf(hosts), {
      dns: { ...DNS_DEFAULTS, refreshRateMs: EVERY_MS, ...dns },
      logical,
      context: {
        clock: this.clock,
        random: { next: () => 0.5, below: (bound) => Math.floor(bound / 2) },
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
        outliersOf: () => ({ follow: () => undefined, stop: () => undefined }),
      },
      stats: this.stats,
      onAddresses: (assignment) => this.#heard(assignment),
    });
    running.push(this.resolution);
  }

  /** What is told next: addresses, a slash between the ways to one endpoint. */
  async told(): Promise<readonly string[]> {
    const { localities } = await new Promise<ClusterLoadAssignment>((resolve) => {
      this.#heard = resolve;
    });
    return localities.flatMap(({ endpoints }) =>
      endpoints.map(({ address, alternatives = [] }) =>
        [address, ...alternatives].map(formatAddress).join(" / "),
      ),
    );
  }

  /** What is told when so much time has passed. */
  async after(ms: number): Promise<readonly string[]> {
    const told = this.told();
    this.clock.advance(ms);
    return told;
  }

  #resolve(name: string): Promise<DnsAnswer> {
    this.names.push(name);
    const answer = this.#answers.shift();
    if (answer === undefined) return Promise.reject(new Error("ENOTFOUND"));
    if (!("ttlS" in answer)) return Promise.resolve({ addresses: answer, ttlMs: undefined });
    return Promise.resolve({ addresses: answer.addresses, ttlMs: 1000 * answer.ttlS });
  }
}

describe("the addresses of a name", () => {
  it("are endpoints of the name's port and place", async () => {
    const asked = new Asked(["a.test"], [["10.0.0.1", "10.0.0.2"]]);
    expect(await asked.told()).toEqual(["10.0.0.1:80", "10.0.0.2:80"]);
    expect(asked.stats.value("update_success")).toBe(1);
  });

  it("are ways to one endpoint where the cluster is logical", async () => {
    const asked = new Asked(["a.test"], [["10.0.0.1", "::1"]], { logical: true });
    expect(await asked.told()).toEqual(["10.0.0.1:80 / [::1]:80"]);
  });

  it("stand beside addresses that need no asking", async () => {
    const asked = new Asked(["10.9.9.9", "a.test", "::1"], [["10.0.0.1"]]);
    expect(await asked.told()).toEqual(["10.9.9.9:80", "10.0.0.1:80", "[::1]:80"]);
    expect(asked.names).toEqual(["a.test"]);
  });

  it("wait for those of the other names, the first time", async () => {
    const asked = new Asked(["a.test", "b.test"], [["10.0.0.1"], ["10.0.0.2"]]);
    expect(await asked.told()).toEqual(["10.0.0.1:80", "10.0.0.2:80"]);
  });
});

describe("a name is asked for again", () => {
  it("after the refresh rate and not before", async () => {
    const asked = new Asked(["a.test"], [["10.0.0.1"], ["10.0.0.2"], ["10.0.0.3"]]);
    await asked.told();
    asked.clock.advance(EVERY_MS - 1);
    expect(asked.names.length).toBe(1);
    expect(await asked.after(1)).toEqual(["10.0.0.2:80"]);
    expect(await asked.after(EVERY_MS)).toEqual(["10.0.0.3:80"]);
  });

  it("when its answer's time to live is over, where that counts", async () => {
    const answers = [{ addresses: ["10.0.0.1"], ttlS: 30 }, ["10.0.0.2"], ["10.0.0.3"]];
    const asked = new Asked(["a.test"], answers, { respectTtl: true });
    await asked.told();
    asked.clock.advance(29_999);
    expect(asked.names.length).toBe(1);
    expect(await asked.after(1)).toEqual(["10.0.0.2:80"]);
    expect(await asked.after(EVERY_MS)).toEqual(["10.0.0.3:80"]);
  });

  it("after a failure, which keeps what was known", async () => {
    const asked = new Asked(["a.test"], [["10.0.0.1"], undefined, ["10.0.0.2"]]);
    await asked.told();
    expect(await asked.after(EVERY_MS)).toEqual(["10.0.0.1:80"]);
    expect(asked.stats.value("update_failure")).toBe(1);
    expect(await asked.after(EVERY_MS)).toEqual(["10.0.0.2:80"]);
    expect(asked.stats.value("update_attempt")).toBe(3);
  });

  it("after an empty answer, which keeps what was known as well", async () => {
    const asked = new Asked(["a.test"], [["10.0.0.1"], [], ["10.0.0.2"]]);
    await asked.told();
    expect(await asked.after(EVERY_MS)).toEqual(["10.0.0.1:80"]);
    expect(asked.stats.value("update_empty")).toBe(1);
    expect(await asked.after(EVERY_MS)).toEqual(["10.0.0.2:80"]);
  });

  it("more and more slowly while it fails, where that is configured", async () => {
    const answers = [["10.0.0.1"], undefined, undefined, undefined, undefined, ["10.0.0.2"]];
    const failureRefresh = { baseMs: 1000, maxMs: 5000 };
    const asked = new Asked(["a.test"], answers, { failureRefresh });
    await asked.told();
    await asked.after(EVERY_MS);
    // Half of what doubles, up to the maximum: that is where the dice stand.
    for (const delayMs of [1000, 2000, 2500, 2500]) {
      const before = asked.names.length;
      asked.clock.advance(delayMs - 1);
      expect(asked.names.length).toBe(before);
      await asked.after(1);
    }
    expect(asked.names.length).toBe(6);
  });

  it("no more once it is stopped", async () => {
    const asked = new Asked(["a.test"], [["10.0.0.1"], ["10.0.0.2"]]);
    await asked.told();
    asked.resolution.stop();
    asked.clock.advance(10 * EVERY_MS);
    expect(asked.names).toEqual(["a.test"]);
  });
});
