import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import type { SplitRow } from "../../api/mesh.ts";
import type { Pod } from "../../model/mesh.ts";
import { tableLines } from "./layout.ts";
import { tableRows } from "./rows.ts";
import { countsBetween, type PodCounts, podCounts, quantile } from "./scrape.ts";

const SCRAPE = [
  "# TYPE istio_requests_total counter",
  'istio_requests_total{reporter="destination",source_app="a",response_code="200"} 90',
  'istio_requests_total{reporter="destination",response_code="503",source_app="a"} 8',
  'istio_requests_total{response_code="0",reporter="destination"} 2',
  'istio_requests_total{reporter="source",response_code="200"} 1000',
  'istio_request_duration_milliseconds_bucket{reporter="destination",le="1"} 50',
  'istio_request_duration_milliseconds_bucket{reporter="destination",le="5"} 100',
  'istio_request_duration_milliseconds_bucket{reporter="destination",le="+Inf"} 100',
  'istio_request_bytes_bucket{reporter="destination",le="1"} 7',
  "",
].join("\n");

describe("a sidecar's metrics", () => {
  const counts = podCounts(SCRAPE);

  it("tell the requests that came in and how many of them failed", () => {
    expect([counts.requests, counts.failures]).toEqual([100, 10]);
  });

  it.each([
    { share: 0.5, ms: 1 },
    { share: 0.25, ms: 0.5 },
    { share: 0.75, ms: 3 },
    { share: 1, ms: 5 },
  ])("have the quantile $share at $ms ms", ({ share, ms }) => {
    expect(quantile(counts, share)).toBe(ms);
  });

  it("count from zero again after a restart", () => {
    const before: PodCounts = { requests: 500, failures: 0, buckets: new Map() };
    expect(countsBetween(before, counts).requests).toBe(100);
  });
});

function pod(name: string, app: string, version: string, address: string): Pod {
  const origin = { position: { file: "", line: 1, column: 1 }, kind: "", namespace: "", name: "" };
  const port = { name: "http", port: 80, protocol: "TCP" } as const;
  return {
    name,
    namespace: "default",
    address,
    labels: { app, version },
    annotations: {},
    serviceAccount: "default",
    workload: app,
    containers: [
      {
        ...{ name: app, image: "", command: [], args: [], env: {} },
        ports: [port],
        origin: { ...origin, path: "" },
      },
    ],
    ready: true,
    appSockets: undefined,
  };
}

const PODS = [
  pod("my-service-b", "my-service", "version-b", "10.200.0.4"),
  pod("my-service-a1", "my-service", "version-a", "10.200.0.3"),
  pod("my-service-a2", "my-service", "version-a", "10.200.0.13"),
  pod("catalog-1", "catalog", "", "10.200.0.2"),
];

const SPLIT: SplitRow = {
  service: "my-service.default.svc.cluster.local",
  namespace: "default",
  rule: "",
  unconditional: true,
  dialect: "smi",
  subject: "TrafficSplit default/my-service",
  origin: "",
  rationale: "",
  backends: ["version-a", "version-b"].map((name) => ({
    service: `${name}.default.svc.cluster.local`,
    subset: "",
    version: name,
    weight: 50,
    share: 0.5,
  })),
};

function requests(count: number, failures: number, ms: number): PodCounts {
  const buckets = new Map([
    [ms, count],
    [Number.POSITIVE_INFINITY, count],
  ]);
  return { requests: count, failures, buckets };
}

const MEASURED = {
  windowMs: 10_000,
  counts: new Map([
    ["default/my-service-a1", requests(150, 0, 2)],
    ["default/my-service-a2", requests(105, 0, 2)],
    ["default/my-service-b", requests(245, 5, 25)],
  ]),
};

const NARROW = `
 SERVICE     VERSION    WANTED  MEASURED  REQ/S  SUCCESS     P50     P99
 catalog     –               –         –      –        –       –       –
 my-service  version-a     50%     51.0%   25.5   100.0%  1.0 ms  2.0 ms
             version-b     50%     49.0%   24.5    98.0%   13 ms   25 ms
`;
const WIDE = `
 SERVICE     VERSION       WANTED  MEASURED  SHARE             REQ/S  SUCCESS     P50     P99
 catalog     –                  –         –                        –        –       –       –
              10.200.0.2        –         –                        –        –       –       –
 my-service  version-a        50%     51.0%  ████████│░░░░░░░   25.5   100.0%  1.0 ms  2.0 ms
              10.200.0.3        –     58.8%  █████████░░░░░░░   15.0   100.0%  1.0 ms  2.0 ms
              10.200.0.13       –     41.2%  ███████░░░░░░░░░   10.5   100.0%  1.0 ms  2.0 ms
             version-b        50%     49.0%  ████████│░░░░░░░   24.5    98.0%   13 ms   25 ms
              10.200.0.4        –         –                     24.5    98.0%   13 ms   25 ms
`;

describe.each([
  { width: 80, withInstances: false, drawn: NARROW },
  { width: 120, withInstances: true, drawn: WIDE },
])("the table in $width columns", ({ width, withInstances, drawn }) => {
  const rows = tableRows(PODS, MEASURED, [SPLIT], withInstances);

  it("shows each version beside what was wanted of it", () => {
    expect(tableLines(rows, { columns: width, colour: false })).toEqual(
      drawn.split("\n").slice(1, -1),
    );
  });

  it("is never wider than the terminal", () => {
    const long = rows.map((row) => ({ ...row, service: "x".repeat(70), version: "y".repeat(70) }));
    for (const line of tableLines(long, { columns: width, colour: false })) {
      expect(line.length).toBeLessThanOrEqual(width);
    }
  });

  it("has the same text in colour", () => {
    const plain = tableLines(rows, { columns: width, colour: false });
    const coloured = tableLines(rows, { columns: width, colour: true });
    expect(coloured.map((line) => stripVTControlCharacters(line).trimEnd())).toEqual(plain);
  });
});
