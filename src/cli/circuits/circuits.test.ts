import { describe, expect, it } from "vitest";
import { CIRCUIT_FAMILIES, circuitRows } from "./circuit-rows.ts";
import { CLUSTER_FAMILIES, clusterRows } from "./cluster-rows.ts";
import { samplesOf } from "./samples.ts";
import { type Picture, pictureLines } from "./table.ts";

const RATINGS = 'circuit="default/ratings",cluster="outbound|80||ratings"';
const PAY = 'command_group="shop",command_name="pay \\"now\\""';
const SCRAPE = `
# TYPE outrigger_circuit_state gauge
outrigger_circuit_state{${RATINGS}} 1
outrigger_circuit_state{circuit="default/a",route="checkout"} 0
outrigger_circuit_transitions_total{${RATINGS},to="open"} 3
outrigger_circuit_transitions_total{${RATINGS},to="closed"} 2
outrigger_circuit_last_transition_timestamp_seconds{${RATINGS},to="open"} 1000
outrigger_circuit_last_transition_timestamp_seconds{${RATINGS},to="closed"} 990
outrigger_circuit_rejected_total{${RATINGS},reason="open"} 7
outrigger_circuit_rejected_total{${RATINGS},reason="bulkhead"} 2
outrigger_circuit_recovery_seconds_sum{${RATINGS}} 12
outrigger_circuit_recovery_seconds_count{${RATINGS}} 2
hystrix_command_is_circuit_breaker_open{${PAY}} 1
hystrix_command_event_total{${PAY},event="short_circuited",terminal="false"} 4
hystrix_command_event_total{${PAY},event="success",terminal="true"} 9
envoy_cluster_membership_healthy{envoy_cluster_name="ratings"} 2
envoy_cluster_membership_total{envoy_cluster_name="ratings"} 3
envoy_cluster_outlier_detection_ejections_active{envoy_cluster_name="ratings"} 1
envoy_cluster_upstream_rq_retry{envoy_cluster_name="ratings"} 5
envoy_cluster_circuit_breakers_default_remaining_retries{envoy_cluster_name="ratings"} 3
envoy_cluster_membership_total{envoy_cluster_name="quiet"} 3
`;

const families = new Set([...CIRCUIT_FAMILIES, ...CLUSTER_FAMILIES]);
const samples = samplesOf(SCRAPE, families);

describe("what a scrape says of circuits", () => {
  it("is one row for each, of the mesh and of the application", () => {
    expect(circuitRows("shop/web", samples)).toEqual([
      {
        pod: "shop/web",
        circuit: "default/ratings",
        at: "outbound|80||ratings",
        state: "open",
        since: 1_000_000,
        opened: 3,
        rejected: 9,
        recoverySeconds: 6,
      },
      {
        pod: "shop/web",
        circuit: "default/a",
        at: "route checkout",
        state: "closed",
        since: undefined,
        opened: 0,
        rejected: 0,
        recoverySeconds: undefined,
      },
      {
        pod: "shop/web",
        circuit: 'shop/pay "now"',
        at: "application",
        state: "open",
        since: undefined,
        opened: 0,
        rejected: 4,
        recoverySeconds: undefined,
      },
    ]);
  });

  it("is read in one go, however much an application invents", () => {
    const rows = 200_000;
    const invented = Array.from({ length: rows }, (_, i) => ({
      name: "hystrix_command_is_circuit_breaker_open",
      labels: { command_name: String(i) },
      value: 1,
    }));
    const found = circuitRows("shop/web", invented);
    expect(found).toHaveLength(rows);
    const picture = { circuits: found, clusters: [], silent: [] };
    expect(pictureLines(picture, 0, { columns: 80, colour: false }).length).toBeGreaterThan(rows);
  });

  it("leaves out clusters where nothing was held back", () => {
    expect(clusterRows("shop/web", samples)).toMatchObject([
      { cluster: "ratings", healthy: 2, endpoints: 3, ejected: 1, retries: 5, retriesLeft: 3 },
    ]);
  });

  it("passes over what is no sample", () => {
    const text = "outrigger_circuit_state\noutrigger_circuit_state{\noutrigger_circuit_state{} x\n";
    expect(samplesOf(text, families)).toEqual([]);
  });
});

describe("the table of circuits", () => {
  const picture: Picture = {
    circuits: circuitRows("shop/web", samples).toReversed(),
    clusters: clusterRows("shop/web", samples),
    silent: [{ pod: "shop/\u001b[2Jdb", reason: "connect ECONNREFUSED" }],
  };
  const sheet = { columns: 200, colour: false };

  it("shows open circuits first, and since when", () => {
    const lines = pictureLines(picture, 1_065_000, sheet);
    expect(lines[0]).toMatch(/^ STATE +SINCE {2}CIRCUIT/);
    expect(lines[1]).toMatch(/^ OPEN +1 min {2}default\/ratings +outbound\|80\|\|ratings/);
    expect(lines[2]).toMatch(/^ OPEN +– {2}shop\/pay "now" +application/);
    expect(lines[3]).toBe(" 1 other circuit has never opened");
  });

  it("prints no control characters that a proxy's answer holds", () => {
    expect(pictureLines(picture, 0, sheet).at(-1)).toBe(
      " shop/�[2Jdb does not answer: connect ECONNREFUSED",
    );
  });

  it("is never wider than the terminal", () => {
    const lines = pictureLines(picture, 0, { columns: 80, colour: false });
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
  });
});
