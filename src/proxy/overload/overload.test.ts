import { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../base/clock.ts";
import { SeededRandom } from "../../base/random.ts";
import { Registry } from "../../metrics/registry.ts";
import type {
  OverloadActionName,
  OverloadConfig,
  TimerFloor,
} from "../../model/overload/overload.ts";
import { LocalLimits } from "../limits/limits.ts";
import { type DescriptorBounds, descriptorBounds, UNBOUNDED } from "./descriptors.ts";
import { connectionThresholds, Overload } from "./overload.ts";
import { OverloadStats } from "./overload-stats.ts";

const RESOURCE = "tank";

function action(name: OverloadActionName, from: number, to: number, idleFloor?: TimerFloor) {
  return { name, triggers: [{ resource: RESOURCE, from, to }], idleFloor };
}

/** An overload manager over one resource, whose pressure the test sets. */
class Tank {
  readonly clock = new VirtualClock();
  readonly registry = new Registry();
  readonly heard: string[] = [];
  readonly overload: Overload;
  /** Undefined: it cannot be read. */
  pressure: number | undefined = 0;

  constructor(
    actions: OverloadConfig["actions"],
    maxDownstreamConnections?: number,
    bounds: DescriptorBounds = UNBOUNDED,
  ) {
    const config: OverloadConfig = {
      refreshIntervalMs: 100,
      monitors: [{ kind: "fixedHeap", name: RESOURCE, maxBytes: 1 }],
      maxDownstreamConnections,
      actions,
    };
    this.overload = new Overload({
      config,
      clock: this.clock,
      random: new SeededRandom(7),
      stats: new OverloadStats(this.registry, config),
      readPressure: () => {
        if (this.pressure === undefined) throw new Error("unreadable");
        return this.pressure;
      },
      bounds,
      connections: new LocalLimits(connectionThresholds(config, bounds)),
    });
    this.overload.listen({
      onAccepting: (accepting) => this.heard.push(accepting ? "accepts" : "holds"),
      onIdleTimeouts: () => this.heard.push("timeouts"),
    });
  }

  /** After the next look at the resource. */
  at(pressure: number | undefined): this {
    this.pressure = pressure;
    this.clock.advance(100);
    return this;
  }

  stat(name: string): number {
    for (const table of this.registry.tables) {
      for (const [i, column] of table.columns.entries()) {
        if (`overload.${column.stat}` !== name && column.name !== name) continue;
        const [row] = table.snapshot();
        if (row !== undefined) return row.cells[table.offsets[i] ?? 0] ?? 0;
      }
    }
    throw new Error(`no ${name}`);
  }
}

function drawn(draw: () => boolean): number {
  return Array.from({ length: 1000 }, draw).filter(Boolean).length;
}

const SOCKET = new Socket();

/** What stands for a socket with this descriptor. */
function withDescriptor(fd: number): Socket {
  return { _handle: { fd } } as unknown as Socket;
}

describe.each<OverloadActionName>([
  "shrink_heap",
  "disable_http_keepalive",
  "stop_accepting_requests",
])("%s", (name) => {
  it("has those spare memory who can, whenever it begins", () => {
    const tank = new Tank([action(name, 0.9, 0.9)]);
    tank.overload.onShort(() => tank.heard.push("spares"));
    expect(tank.at(0.5).heard).toEqual([]);
    expect(tank.at(0.9).at(0.95).heard).toEqual(["spares"]);
    expect(tank.at(0.5).at(0.9).heard).toEqual(["spares", "spares"]);
  });
});

describe("an action with a threshold", () => {
  it("is off below it, on from it on, and off again", () => {
    const tank = new Tank([action("stop_accepting_requests", 0.95, 0.95)]);
    expect(tank.at(0.949).overload.refusesRequest()).toBe(false);
    expect(tank.at(0.95).overload.refusesRequest()).toBe(true);
    expect(tank.stat("overload.envoy.overload_actions.stop_accepting_requests.active")).toBe(1);
    expect(tank.at(0.5).overload.refusesRequest()).toBe(false);
    expect(tank.stat("overload.envoy.overload_actions.stop_accepting_requests.active")).toBe(0);
  });

  it("changes nothing before its resource has been looked at", () => {
    const tank = new Tank([action("stop_accepting_requests", 0.5, 0.5)]);
    tank.pressure = 1;
    tank.clock.advance(99);
    expect(tank.overload.refusesRequest()).toBe(false);
    tank.clock.advance(1);
    expect(tank.overload.refusesRequest()).toBe(true);
  });

  it("stays as it was while its resource cannot be read", () => {
    const tank = new Tank([action("stop_accepting_requests", 0.5, 0.5)]);
    expect(tank.at(1).at(undefined).overload.refusesRequest()).toBe(true);
    expect(tank.stat(`overload.${RESOURCE}.failed_updates`)).toBe(1);
    expect(tank.stat(`overload.${RESOURCE}.pressure`)).toBe(100);
  });
});

describe("an action that is scaled", () => {
  it("draws as often as the pressure stands between its two thresholds", () => {
    const tank = new Tank([action("disable_http_keepalive", 0.5, 0.9)]);
    expect(drawn(() => tank.at(0.5).overload.endsConnection())).toBe(0);
    tank.at(0.6);
    const quarter = drawn(() => tank.overload.endsConnection());
    expect(quarter).toBeGreaterThan(200);
    expect(quarter).toBeLessThan(300);
    expect(tank.stat("overload.envoy.overload_actions.disable_http_keepalive.scale_percent")).toBe(
      24,
    );
    expect(drawn(() => tank.at(0.9).overload.endsConnection())).toBe(1000);
  });

  it("gives idle connections less time, down to the floor", () => {
    const tank = new Tank([action("reduce_timeouts", 0, 1, { minMs: 2000 })]);
    expect(tank.overload.idleTimeoutMs(10_000)).toBe(10_000);
    expect(tank.at(0.5).overload.idleTimeoutMs(10_000)).toBe(6000);
    expect(tank.at(1).overload.idleTimeoutMs(10_000)).toBe(2000);
    expect(tank.overload.idleTimeoutMs(1000)).toBe(1000);
    expect(tank.overload.idleTimeoutMs(0)).toBe(0);
    expect(tank.heard).toEqual(["timeouts", "timeouts"]);
  });

  it("has a floor that may be a share of the timeout", () => {
    const tank = new Tank([action("reduce_timeouts", 0, 1, { minShare: 0.1 })]);
    expect(tank.at(1).overload.idleTimeoutMs(10_000)).toBe(1000);
    const none = new Tank([action("reduce_timeouts", 0, 1, { minShare: 0 })]);
    expect(none.at(1).overload.idleTimeoutMs(10_000)).toBe(1);
  });
});

describe("accepting", () => {
  it("is held and goes on, each told once", () => {
    const tank = new Tank([action("stop_accepting_connections", 0.9, 0.9)]);
    tank.at(0.95).at(1).at(0.2).at(0.1);
    expect(tank.heard).toEqual(["holds", "accepts"]);
  });

  it("rejects as often as the action is strong, and counts none of those", () => {
    const tank = new Tank([action("reject_incoming_connections", 0.9, 0.9)], 1);
    expect(tank.at(1).overload.refusalOf(SOCKET)).toBe("downstream_cx_overload_reject");
    expect(tank.at(0).overload.refusalOf(SOCKET)).toBeUndefined();
  });

  it("refuses connections over the limit until one has closed", () => {
    const tank = new Tank([], 2);
    const { overload } = tank;
    expect([overload.refusalOf(SOCKET), overload.refusalOf(SOCKET)]).toEqual([
      undefined,
      undefined,
    ]);
    expect(overload.refusalOf(SOCKET)).toBe("downstream_global_cx_overflow");
    tank.at(0);
    const name = "envoy.resource_monitors.global_downstream_max_connections";
    expect(tank.stat(`overload.${name}.pressure`)).toBe(100);
    overload.releaseConnection();
    expect(overload.refusalOf(SOCKET)).toBeUndefined();
  });

  it("leaves the last descriptors alone", () => {
    const bounds = descriptorBounds(256);
    const tank = new Tank([], undefined, bounds);
    expect(tank.overload.isShort(withDescriptor(bounds.reserveFrom - 1))).toBe(false);
    expect(tank.overload.refusalOf(withDescriptor(bounds.reserveFrom))).toBe(
      "downstream_global_cx_overflow",
    );
    expect(tank.stat("outrigger_descriptors_refused_total")).toBe(1);
  });
});

describe("the bounds of descriptors", () => {
  it.each([
    { limit: 64, reserveFrom: 48, connectionsMax: 8 },
    { limit: 256, reserveFrom: 224, connectionsMax: 96 },
    { limit: 1024, reserveFrom: 896, connectionsMax: 432 },
    { limit: 1_048_576, reserveFrom: 1_048_320, connectionsMax: 524_144 },
  ])("of $limit keep a reserve, and less than half for clients", ({ limit, ...bounds }) => {
    expect(descriptorBounds(limit)).toEqual(bounds);
    expect(bounds.connectionsMax).toBeLessThan(limit / 2);
  });

  it("are none where nothing is known of a limit", () => {
    expect(descriptorBounds(Number.POSITIVE_INFINITY)).toBe(UNBOUNDED);
  });
});
