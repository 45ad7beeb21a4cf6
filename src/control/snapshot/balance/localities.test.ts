import { describe, expect, it } from "vitest";
import { localityOf } from "../../../model/balance/locality.ts";
import type { LocalitySettings } from "../../../model/destination-policy.ts";
import type { Labels } from "../../../model/mesh.ts";
import { localitiesFor, type PlacedEndpoint } from "./localities.ts";

const ON: LocalitySettings = { enabled: true, distribute: [], failover: [], failoverPriority: [] };

/** An endpoint at `region/zone/subzone`, with these labels and a weight behind `*`. */
function at(place: string, more: Labels = {}): PlacedEndpoint {
  const [where = "", weight = "1"] = place.split("*");
  const labels = { "istio-locality": where, ...more };
  const endpoint = {
    address: { kind: "socket", host: "10.0.0.1", port: 80 },
    hostname: "",
    hashKey: "",
    health: "healthy",
    weight: Number(weight),
    workload: undefined,
  } as const;
  return { endpoint, labels, locality: localityOf(labels) };
}

/** `place: priority, weight` of each group that a client at `own` is told of. */
function told(
  own: Labels,
  endpoints: readonly PlacedEndpoint[],
  settings?: LocalitySettings,
  failsOver = true,
): string[] {
  const localities = localitiesFor(endpoints, { labels: own, settings, failsOver });
  return localities.map(
    ({ locality: { region, zone, subZone }, priority, weight, endpoints: of }) => {
      const place = [region, zone, subZone].filter((part) => part !== "").join("/");
      return `${place}: ${priority}, ${weight} (${of.length})`;
    },
  );
}

const HOME: Labels = { "istio-locality": "eu/a/1" };
const EVERYWHERE = [at("eu/a/1"), at("eu/a/2"), at("eu/b/1"), at("us/c/1"), at("as/d/1")];

describe("the places of a service", () => {
  it("make no difference where nobody finds failing endpoints out", () => {
    expect(told(HOME, EVERYWHERE, undefined, false)).toEqual([
      "eu/a/1: 0, 1 (1)",
      "eu/a/2: 0, 1 (1)",
      "eu/b/1: 0, 1 (1)",
      "us/c/1: 0, 1 (1)",
      "as/d/1: 0, 1 (1)",
    ]);
  });

  it("are ranked by their distance from the client", () => {
    expect(told(HOME, EVERYWHERE)).toEqual([
      "eu/a/1: 0, 1 (1)",
      "eu/a/2: 1, 1 (1)",
      "eu/b/1: 2, 1 (1)",
      "us/c/1: 3, 1 (1)",
      "as/d/1: 3, 1 (1)",
    ]);
  });

  it("leave no gap between priorities", () => {
    expect(told(HOME, [at("us/c/1"), at("eu/b/1*3"), at("eu/b/1")])).toEqual([
      "us/c/1: 1, 1 (1)",
      "eu/b/1: 0, 4 (2)",
    ]);
  });

  it("are no matter where locality is turned off", () => {
    const off = { ...ON, enabled: false, failover: [{ from: "eu", to: "us" }] };
    expect(told(HOME, [at("us/c/1"), at("eu/a/1")], off)).toEqual([
      "us/c/1: 0, 1 (1)",
      "eu/a/1: 0, 1 (1)",
    ]);
  });

  it("are ranked behind the one that failover names", () => {
    const settings = { ...ON, failover: [{ from: "eu", to: "as" }] };
    expect(told(HOME, EVERYWHERE, settings)).toEqual([
      "eu/a/1: 0, 1 (1)",
      "eu/a/2: 1, 1 (1)",
      "eu/b/1: 2, 1 (1)",
      "us/c/1: 4, 1 (1)",
      "as/d/1: 3, 1 (1)",
    ]);
  });
});

describe("the traffic of a place", () => {
  const distribute = [{ from: "eu/*", to: { "eu/a/*": 80, "us/c/*": 20 } }];

  it("goes where it is distributed to, by weight inside a share", () => {
    const endpoints = [at("eu/a/1*3"), at("eu/a/2"), at("us/c/1"), at("as/d/1")];
    expect(told(HOME, endpoints, { ...ON, distribute })).toEqual([
      "eu/a/1: 0, 60 (1)",
      "eu/a/2: 0, 20 (1)",
      "us/c/1: 0, 20 (1)",
    ]);
  });

  it("is another's matter where the client is elsewhere", () => {
    const there = { "istio-locality": "us/c/1" };
    expect(told(there, [at("us/c/1"), at("eu/a/1")], { ...ON, distribute }, false)).toEqual([
      "us/c/1: 0, 1 (1)",
      "eu/a/1: 0, 1 (1)",
    ]);
  });
});

describe("failoverPriority", () => {
  it("ranks by how many of the first labels are the client's", () => {
    const settings = { ...ON, failoverPriority: ["rack", "version=v2"] };
    const own = { ...HOME, rack: "7" };
    const endpoints = [
      at("eu/a/1", { rack: "8", version: "v2" }),
      at("eu/a/1", { rack: "7", version: "v1" }),
      at("eu/a/1", { rack: "7", version: "v2" }),
    ];
    expect(told(own, endpoints, settings)).toEqual([
      "eu/a/1: 2, 1 (1)",
      "eu/a/1: 1, 1 (1)",
      "eu/a/1: 0, 1 (1)",
    ]);
  });

  it("means the place by the topology's labels, wherever it is written", () => {
    const labels = ["topology.kubernetes.io/region", "topology.kubernetes.io/zone"];
    const settings = { ...ON, failoverPriority: labels };
    const own = { [labels[0] ?? ""]: "eu", [labels[1] ?? ""]: "a" };
    expect(told(own, EVERYWHERE, settings).map((line) => line.split(",")[0])).toEqual([
      "eu/a/1: 0",
      "eu/a/2: 0",
      "eu/b/1: 1",
      "us/c/1: 2",
      "as/d/1: 2",
    ]);
  });
});

it("ranking many endpoints by labels looks at each of them a few times", () => {
  const many = Array.from({ length: 2000 }, (_, i) => at(`eu/a/${i % 7}`, { rack: String(i % 9) }));
  let looks = 0;
  const counted = new Proxy(many, {
    get: (target, key) => {
      looks++;
      return Reflect.get(target, key);
    },
  });
  const settings = { ...ON, failoverPriority: ["rack"] };
  expect(told({ rack: "3" }, counted, settings).length).toBe(14);
  expect(looks).toBeLessThan(20 * many.length);
});
