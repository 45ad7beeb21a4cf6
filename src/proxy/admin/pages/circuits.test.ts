import { expect, it } from "vitest";
import { socketAddress } from "../../../model/address.ts";
import { ENVOY_THRESHOLDS } from "../../../model/cluster.ts";
import { NO_LOCALITY } from "../../../model/endpoint.ts";
import type { CircuitRow } from "../../circuit/circuit-row.ts";
import { NO_RATES } from "../../outlier/success-rate.ts";
import type { ClusterRow, EndpointRow } from "../admin-source.ts";
import { circuitsPage } from "./circuits.ts";

const CIRCUIT: CircuitRow = {
  circuit: "default/ratings",
  cluster: "a cluster",
  route: "",
  scope: "caller",
  state: "open",
  sinceMs: 1_700_000_000_000,
  openUntilMs: 1_700_000_005_000,
  requests: 20,
  errors: 10,
  errorPercentage: 50,
  concurrent: 3,
  maxConcurrent: undefined,
  recoveryMs: undefined,
  changes: [{ from: "closed", to: "open", atMs: 1_700_000_000_000, reason: "10 of 20" }],
};

function endpoint(port: number, out: Partial<EndpointRow> = {}): EndpointRow {
  return {
    address: socketAddress("10.0.0.2", port),
    hostname: "",
    health: "healthy",
    failedCheck: false,
    degradedCheck: false,
    checkTimedOut: false,
    ejected: false,
    rates: NO_RATES,
    weight: 1,
    priority: 0,
    locality: NO_LOCALITY,
    stats: {},
    ...out,
  };
}

const CLUSTER: ClusterRow = {
  name: "outbound|80||b",
  observabilityName: "outbound|80||b",
  addedViaApi: true,
  thresholds: ENVOY_THRESHOLDS,
  outliers: undefined,
  endpoints: [
    endpoint(80),
    endpoint(81, { failedCheck: true, ejected: true }),
    endpoint(82, { shut: true, health: "draining" }),
  ],
};

it("prints circuits with their last changes, and what is not well of clusters", () => {
  const { body } = circuitsPage([CIRCUIT, { ...CIRCUIT, cluster: "", route: "one" }], [CLUSTER]);
  const { circuits, clusters } = JSON.parse([...body].join(""));
  expect(circuits).toMatchObject([
    {
      name: "default/ratings",
      cluster: "a cluster",
      state: "open",
      since: "2023-11-14T22:13:20.000Z",
      open_until: "2023-11-14T22:13:25.000Z",
      window: { requests: 20, errors: 10, error_percentage: 50 },
      concurrent: 3,
      transitions: [{ time: "2023-11-14T22:13:20.000Z", from: "closed", to: "open" }],
    },
    { name: "default/ratings", route: "one" },
  ]);
  expect(clusters).toMatchObject([
    {
      name: "outbound|80||b",
      limits: { max_requests: 1024 },
      out: [
        { address: "10.0.0.2:81", reasons: ["ejected", "failed_check"] },
        { address: "10.0.0.2:82", reasons: ["shut", "draining"] },
      ],
    },
  ]);
});
