import { describe, expect, it } from "vitest";
import { socketAddress } from "../../../model/address.ts";
import { ENVOY_THRESHOLDS } from "../../../model/cluster.ts";
import { NO_LOCALITY } from "../../../model/endpoint.ts";
import type { ClusterRow } from "../admin-source.ts";
import { clustersPage } from "./clusters.ts";

const CLUSTER: ClusterRow = {
  name: "outbound|80||b",
  observabilityName: "outbound|80||b;",
  addedViaApi: true,
  thresholds: ENVOY_THRESHOLDS,
  outliers: {
    external: { mean: 90.5, threshold: 64 },
    localOrigin: { mean: -1, threshold: -1 },
  },
  endpoints: [
    {
      address: socketAddress("10.0.0.2", 80),
      hostname: "",
      health: "healthy",
      failedCheck: false,
      degradedCheck: false,
      checkTimedOut: false,
      ejected: false,
      rates: { external: 100, localOrigin: -1 },
      weight: 1,
      priority: 0,
      locality: NO_LOCALITY,
      stats: { cx_active: 2, rq_active: 1 },
    },
    {
      address: socketAddress("10.0.0.3", 80),
      hostname: "",
      health: "degraded",
      failedCheck: true,
      degradedCheck: false,
      checkTimedOut: true,
      ejected: true,
      rates: { external: 62.5, localOrigin: -1 },
      weight: 1,
      priority: 0,
      locality: NO_LOCALITY,
      stats: {},
    },
  ],
};

function page(query = ""): string {
  return [...clustersPage([CLUSTER], new URLSearchParams(query)).body].join("");
}

describe("the page of clusters", () => {
  it("has a line for everything, as Envoy's", () => {
    const lines = page();
    expect(lines).toContain("outbound|80||b::default_priority::max_requests::1024\n");
    expect(lines).toContain("outbound|80||b::outlier::success_rate_average::90.5\n");
    expect(lines).toContain("outbound|80||b::outlier::success_rate_ejection_threshold::64\n");
    expect(lines).toContain("outbound|80||b::10.0.0.2:80::cx_active::2\n");
    expect(lines).toContain("outbound|80||b::10.0.0.2:80::health_flags::healthy\n");
    expect(lines).toContain(
      "10.0.0.3:80::health_flags::" +
        "/failed_active_hc/failed_outlier_check/degraded_eds_health/active_hc_timeout\n",
    );
    expect(lines).toContain("10.0.0.3:80::success_rate::62.5\n");
    expect(lines).toContain("10.0.0.3:80::local_origin_success_rate::-1\n");
    expect(lines).not.toContain("rq_total");
  });

  it("is JSON where that is asked for, without what is not known", () => {
    const [status] = JSON.parse(page("format=json")).cluster_statuses;
    expect(status).toMatchObject({ success_rate_ejection_threshold: { value: 64 } });
    expect(status).not.toHaveProperty("local_origin_success_rate_ejection_threshold");
    const [first, second] = status.host_statuses;
    expect(first).toMatchObject({
      address: { socket_address: { address: "10.0.0.2", port_value: 80 } },
      stats: [
        { type: "GAUGE", value: "2", name: "cx_active" },
        { type: "GAUGE", value: "1", name: "rq_active" },
      ],
      health_status: { eds_health_status: "HEALTHY" },
    });
    expect(second.success_rate).toEqual({ value: 62.5 });
    expect(second).not.toHaveProperty("local_origin_success_rate");
    expect(second.health_status).toEqual({
      failed_active_health_check: true,
      failed_outlier_check: true,
      eds_health_status: "DEGRADED",
      active_hc_timeout: true,
    });
  });

  it("shows the clusters that a filter takes", () => {
    expect(page("filter=nobody")).toBe("");
    expect(page("filter=out.*b")).toContain("10.0.0.2");
  });
});
