import { rootCertificates } from "node:tls";
import { beforeEach, describe, expect, it } from "vitest";
import { CountedClock } from "../../../test/support/counted-clock.ts";
import { running } from "../../../test/support/one-hop.ts";
import { type ProxySetup, startSetup, staticCluster } from "../../../test/support/proxy-setup.ts";
import { assignment, edsCluster } from "../../../test/support/sample-snapshot.ts";
import { socketAddress } from "../../model/address.ts";
import type { ProxyConfig } from "../../model/bootstrap.ts";
import type { Cluster } from "../../model/cluster.ts";
import { NO_VALIDATION, type UpstreamTls } from "../../model/transport/tls.ts";
import { ENVOY_OUTLIER_DETECTION } from "../../model/upstream/outlier-detection.ts";
import { readBootstrap } from "../bootstrap.ts";
import { allAtOnce } from "./host-balance.ts";

const CHECK = { timeout: "1s", interval: "5s", unhealthy_threshold: 1, healthy_threshold: 1 };
const ACCRUAL = { maxFailures: 1, minPenaltyMs: 10_000, maxPenaltyMs: 10_000 };

/** One that looks names up, checks its hosts, and judges them in both ways. */
const BUSY = staticCluster("busy", [1, 2], {
  type: "STRICT_DNS",
  dns_refresh_rate: "5s",
  health_checks: [{ ...CHECK, tcp_health_check: {} }],
  outlier_detection: { max_ejection_percent: 100 },
  metadata: { filter_metadata: { "outrigger.failure_accrual": ACCRUAL } },
  load_assignment: {
    cluster_name: "busy",
    endpoints: [{ lb_endpoints: [endpoint("one.test", 1), endpoint("127.0.0.1", 2)] }],
  },
});

function endpoint(address: string, port: number): object {
  return { endpoint: { address: { socket_address: { address, port_value: port } } } };
}

/** A configuration of these clusters alone. */
function configOf(...clusters: readonly Cluster[]): ProxyConfig {
  return { listeners: [], routes: [], clusters, endpoints: [] };
}

let busy: Cluster;
let clock: CountedClock;
let setup: ProxySetup;
let asked: string[];
/** Timers of a proxy without clusters. */
let idle: number;

beforeEach(async () => {
  const text = JSON.stringify({ static_resources: { clusters: [BUSY] } });
  const { bootstrap } = readBootstrap(text, "busy.json");
  busy = bootstrap?.clusters[0] as Cluster;
  clock = new CountedClock();
  asked = [];
  setup = await startSetup([], [], clock, async (name) => {
    asked.push(name);
    return { addresses: ["127.0.0.1"], ttlMs: undefined };
  });
  idle = clock.timers;
  running.push(setup);
});

/** Names of clusters that some statistic is about. */
function counted(): string[] {
  const names = new Set<string>();
  for (const table of setup.proxy.telemetry.registry.tables) {
    const label = table.labelNames.findIndex((name) =>
      /^(?:envoy_cluster_name|cluster)$/.test(name),
    );
    if (label < 0) continue;
    for (const { values } of table.snapshot()) names.add(values[label] ?? "");
  }
  return [...names];
}

/** Its hosts are there, and all that goes on by itself goes on. */
async function served(): Promise<void> {
  await setup.proxy.dataPlane.apply(configOf(busy));
  await expect.poll(() => setup.stat("busy", "membership_total")).toBe(2);
  expect(clock.timers).toBeGreaterThan(idle);
}

describe("of a cluster that never serves nothing goes on", () => {
  it("when its preparation is given up", () => {
    const steps = setup.proxy.dataPlane.clusters.prepare([busy, edsCluster("e")], []);
    steps.next();
    steps.return(() => undefined);
    expect(clock.timers).toBe(idle);
    expect(asked).toEqual([]);
    expect(counted()).toEqual([]);
  });

  it("when one beside it cannot be made", () => {
    const tls = { ca: "nothing" } as unknown as NonNullable<Cluster["tls"]>;
    const steps = setup.proxy.dataPlane.clusters.prepare([busy, edsCluster("e", { tls })], []);
    expect(() => allAtOnce(steps)).toThrow();
    expect(clock.timers).toBe(idle);
    expect(counted()).toEqual([]);
  });

  it("when it is ready and nobody swaps it in", () => {
    allAtOnce(setup.proxy.dataPlane.clusters.prepare([busy], []));
    expect(clock.timers).toBe(idle);
    expect(asked).toEqual([]);
  });

  it("and the one that serves keeps its statistics", async () => {
    await served();
    const before = clock.timers;
    const changed = { ...busy, connectTimeoutMs: 77 };
    const steps = setup.proxy.dataPlane.clusters.prepare([changed, edsCluster("e")], []);
    steps.next();
    steps.return(() => undefined);
    expect(clock.timers).toBe(before);
    expect(counted()).toEqual(["busy"]);
    expect(setup.stat("busy", "membership_total")).toBe(2);
  });

  it("when the proxy stops while it is swapped in", async () => {
    const many = Array.from({ length: 3000 }, (_, i) => i + 1);
    const config = { ...configOf(edsCluster("e"), busy), endpoints: [assignment("e", many)] };
    const prepared = await setup.proxy.dataPlane.prepare(config);
    let turn = 0;
    // Time that goes on makes several slices of it.
    clock.now = () => turn++ * 5;
    const swapped = prepared.commit();
    await setup.proxy.stop(0);
    await swapped;
    expect(setup.proxy.dataPlane.clusters.clusters).toEqual([]);
    expect(clock.timers).toBe(0);
  });
});

describe("of a configuration that never serves no TLS context stays", () => {
  const text = rootCertificates[0] ?? "";
  const validation = { ...NO_VALIDATION, trustedCa: { kind: "inline", text } } as const;
  const tls: UpstreamTls = {
    certificates: [],
    validation,
    alpnProtocols: [],
    minVersion: "TLSv1.2",
    maxVersion: "TLSv1.3",
    cipherSuites: [],
    ecdhCurves: [],
    sni: "",
    maxSessionKeys: 1,
  };
  const encrypted = edsCluster("e", { tls });
  const contexts = () => setup.proxy.dataPlane.clusters.slot("busy").cluster?.context.tls;

  it("when it is refused", async () => {
    await served();
    const trustedCa = { kind: "file", path: "/nowhere/ca.pem" } as const;
    const bad = { ...tls, validation: { ...NO_VALIDATION, trustedCa } };
    const config = configOf(busy, encrypted, edsCluster("bad", { tls: bad }));
    await expect(setup.proxy.dataPlane.prepare(config)).rejects.toThrow("/nowhere/ca.pem");
    expect(contexts()?.certificates).toEqual([]);
  });

  it("when it is abandoned", async () => {
    await served();
    const prepared = await setup.proxy.dataPlane.prepare(configOf(busy, encrypted));
    expect(contexts()?.certificates).toHaveLength(1);
    prepared.abandon();
    expect(contexts()?.certificates).toEqual([]);
  });
});

describe("nothing stays", () => {
  it("of a cluster that leaves", async () => {
    await served();
    await setup.proxy.dataPlane.apply(configOf());
    expect(clock.timers).toBe(idle);
    expect(counted()).toEqual([]);
  });

  it("of one that leaves while its names are looked up", async () => {
    await setup.proxy.dataPlane.apply(configOf(busy));
    await setup.proxy.dataPlane.apply(configOf());
    await Promise.resolve();
    expect(clock.timers).toBe(idle);
  });

  it("of one whose connections begin anew", async () => {
    await served();
    const before = clock.timers;
    await setup.proxy.dataPlane.apply(configOf({ ...busy, connectTimeoutMs: 77 }));
    await expect.poll(() => clock.timers).toBe(before);
  });

  it("under the name that its statistics had", async () => {
    await served();
    await setup.proxy.dataPlane.apply(configOf({ ...busy, statName: "other" }));
    expect(counted()).toEqual(["other"]);
  });

  it("of statistics of a cluster whose name another one takes", async () => {
    await served();
    await setup.proxy.dataPlane.apply(configOf(edsCluster("next", { statName: "busy" })));
    expect(counted()).toEqual(["busy"]);
    expect(clock.timers).toBe(idle);
  });

  it("of a host that leaves", async () => {
    const outlierDetection = { ...ENVOY_OUTLIER_DETECTION, maxEjectionPercent: 100 };
    const { healthChecks } = busy;
    const config = configOf(edsCluster("e", { healthChecks, outlierDetection }));
    const serve = (ports: readonly number[]) =>
      setup.proxy.dataPlane.apply({ ...config, endpoints: [assignment("e", ports)] });
    await serve([1]);
    const before = clock.timers;
    await serve([1, 2, 3]);
    expect(clock.timers).toBeGreaterThan(before);
    await serve([1]);
    expect(clock.timers).toBe(before);
  });

  it("of a choice among many hosts that is still being built", async () => {
    const outlierDetection = { ...ENVOY_OUTLIER_DETECTION, consecutive5xx: 1 };
    const many = edsCluster("e", { outlierDetection });
    const ports = Array.from({ length: 300 }, (_, i) => i + 1);
    const { clusters } = setup.proxy.dataPlane;
    const swap = (cluster: Cluster, list: readonly number[]) =>
      allAtOnce(clusters.prepare([cluster], [assignment("e", list)]))();
    swap(many, ports);
    clusters.slot("e").cluster?.hosts[0]?.monitor?.onReset("remote reset");
    swap({ ...many, connectTimeoutMs: 77 }, [1]);
    await new Promise((later) => setImmediate(later));
    expect(setup.stat("e", "membership_healthy")).toBe(1);
  });

  it("of connections that a cluster which has left is asked for", async () => {
    const passthrough = edsCluster("e", { discovery: "originalDst", lbPolicy: "clusterProvided" });
    const { dataPlane } = setup.proxy;
    await dataPlane.apply(configOf(passthrough));
    const { cluster } = dataPlane.clusters.slot("e");
    await dataPlane.apply(configOf());
    expect(cluster?.pickAddress(socketAddress("127.0.0.1", 1)).retired).toBe(true);
  });
});

describe("a cluster of names whose connections begin anew", () => {
  /** Swaps it in, and looks before any name can have been looked up. */
  function hostsAfter(next: Cluster): readonly string[] {
    const { clusters } = setup.proxy.dataPlane;
    allAtOnce(clusters.prepare([next], []))();
    return clusters.slot("busy").cluster?.hosts.map(({ text }) => text) ?? [];
  }

  it("begins with the addresses that are known, until it has looked", async () => {
    await served();
    expect(hostsAfter({ ...busy, connectTimeoutMs: 77 })).toEqual(["127.0.0.1:1", "127.0.0.1:2"]);
    await expect.poll(() => asked.length).toBe(2);
  });

  it("begins with none where they are looked up in another way", async () => {
    await served();
    expect(hostsAfter({ ...busy, dns: { ...busy.dns, family: "v6Only" } })).toEqual([]);
    expect(hostsAfter({ ...busy, discovery: "logicalDns" })).toEqual([]);
  });
});
