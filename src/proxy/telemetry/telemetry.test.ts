import { beforeEach, describe, expect, it } from "vitest";
import { parseExposition } from "../../../test/support/exposition.ts";
import { Registry } from "../../metrics/registry.ts";
import { renderPrometheus } from "../../metrics/text-format.ts";
import { socketAddress } from "../../model/address.ts";
import type { Node } from "../../model/bootstrap.ts";
import type { WorkloadLabels } from "../../model/endpoint.ts";
import { EmptySource } from "../format/source.ts";
import { type HttpAccount, RequestAccount } from "./account.ts";
import { FLAG_UF, FLAG_URX } from "./response-flags.ts";
import { type DestinationOptions, NO_DESTINATION } from "./standard/destination.ts";
import { PeerReader, peerHeadersOf } from "./standard/peer-metadata.ts";
import { TcpAccount } from "./standard/series.ts";
import { UNKNOWN_PEER } from "./standard/workload.ts";
import { Telemetry } from "./telemetry.ts";

const NODE: Node = {
  id: "sidecar~10.0.0.1~productpage-1.shop~shop.svc.cluster.local",
  cluster: "productpage.shop",
  metadata: {
    NAME: "productpage-1",
    NAMESPACE: "shop",
    WORKLOAD_NAME: "productpage-v1",
    CLUSTER_ID: "Kubernetes",
    LABELS: { app: "productpage", version: "v1" },
  },
  userAgentName: "outrigger",
};

const REVIEWS: WorkloadLabels = {
  workload: "reviews-v2",
  namespace: "shop",
  canonicalName: "reviews",
  canonicalRevision: "v2",
  app: "reviews",
  version: "v2",
  cluster: "Kubernetes",
  principal: "spiffe://cluster.local/ns/shop/sa/reviews",
};

const TO_REVIEWS: DestinationOptions = {
  direction: "outbound",
  clusterName: "outbound|9080||reviews.shop.svc.cluster.local",
  service: { host: "reviews.shop.svc.cluster.local", name: "reviews", namespace: "shop" },
  workload: REVIEWS,
};

/** No log is configured: nobody asks. */
const NO_SOURCE = new EmptySource();

let registry: Registry;
let telemetry: Telemetry;
let door: HttpAccount;

beforeEach(() => {
  registry = new Registry();
  telemetry = new Telemetry(registry, NODE, "1.0");
  door = {
    http: telemetry.http("web"),
    listener: telemetry.listener(socketAddress("10.0.0.1", 80)).http("web"),
    standardMetrics: true,
    unrouted: telemetry.destination({
      direction: "outbound",
      clusterName: "",
      service: undefined,
      workload: undefined,
    }),
    logs: [],
  };
});

function samplesOf(name: string): [string, number][] {
  const text = [...renderPrometheus(registry)].join("");
  return [...(parseExposition(text).get(name)?.samples ?? [])];
}

/** Counts one request with this outcome and gives the labels that Istio's metrics have for it. */
function labelsOf(
  options: DestinationOptions,
  peer: WorkloadLabels = UNKNOWN_PEER,
  outcome: Partial<Pick<RequestAccount, "grpc" | "grpcStatus" | "flags">> = {},
): [string, string][] {
  const account = new RequestAccount();
  account.begin(door, 0);
  account.peer = peer;
  Object.assign(account, outcome);
  account.picked(telemetry.destination(options));
  account.responded(200);
  account.end(5, NO_SOURCE);
  const [[sample] = [""]] = samplesOf("istio_requests_total");
  return [...sample.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = "", value = ""]) => [name, value]);
}

describe("Istio's request metrics", () => {
  it("name source and destination in Istio's order, reported by the source", () => {
    expect(labelsOf(TO_REVIEWS)).toEqual([
      ["reporter", "source"],
      ["source_workload", "productpage-v1"],
      ["source_canonical_service", "productpage"],
      ["source_canonical_revision", "v1"],
      ["source_workload_namespace", "shop"],
      ["source_principal", "unknown"],
      ["source_app", "productpage"],
      ["source_version", "v1"],
      ["source_cluster", "Kubernetes"],
      ["destination_workload", "reviews-v2"],
      ["destination_workload_namespace", "shop"],
      ["destination_principal", "unknown"],
      ["destination_app", "reviews"],
      ["destination_version", "v2"],
      ["destination_service", "reviews.shop.svc.cluster.local"],
      ["destination_canonical_service", "reviews"],
      ["destination_canonical_revision", "v2"],
      ["destination_service_name", "reviews"],
      ["destination_service_namespace", "shop"],
      ["destination_cluster", "Kubernetes"],
      ["request_protocol", "http"],
      ["response_code", "200"],
      ["grpc_response_status", ""],
      ["response_flags", "-"],
      ["connection_security_policy", "unknown"],
    ]);
  });

  it("say unknown of what lies outside the mesh, and name the cluster that let it through", () => {
    const labels = Object.fromEntries(
      labelsOf({
        direction: "outbound",
        clusterName: "PassthroughCluster",
        service: undefined,
        workload: undefined,
      }),
    );
    expect(labels).toMatchObject({
      destination_workload: "unknown",
      destination_service: "unknown",
      destination_service_name: "PassthroughCluster",
      destination_service_namespace: "unknown",
      destination_canonical_revision: "latest",
    });
  });

  it("are reported by the destination with the peer as source", () => {
    const inbound: DestinationOptions = {
      direction: "inbound",
      clusterName: "inbound|80||",
      service: undefined,
      workload: undefined,
    };
    expect(Object.fromEntries(labelsOf(inbound, REVIEWS))).toMatchObject({
      reporter: "destination",
      source_workload: "reviews-v2",
      destination_workload: "productpage-v1",
      destination_service: "productpage",
      destination_service_name: "productpage",
      connection_security_policy: "none",
    });
  });

  it.each([
    [
      { grpc: true, grpcStatus: 14 },
      { request_protocol: "grpc", grpc_response_status: "14" },
    ],
    [
      { grpc: true, grpcStatus: 99 },
      { request_protocol: "grpc", grpc_response_status: "" },
    ],
    [{ flags: FLAG_UF | FLAG_URX }, { response_flags: "URX,UF" }],
  ])("tell outcomes apart: %o", (outcome, expected) => {
    expect(Object.fromEntries(labelsOf(TO_REVIEWS, UNKNOWN_PEER, outcome))).toMatchObject(expected);
  });

  it("count in a row of their own again after their row was forgotten", () => {
    labelsOf(TO_REVIEWS);
    for (let sweep = 0; sweep < 13; sweep++) registry.sweep();
    expect(samplesOf("istio_requests_total")).toEqual([]);
    labelsOf(TO_REVIEWS);
    expect(samplesOf("istio_requests_total")).toHaveLength(1);
  });

  it("count a TCP connection once, and its bytes", () => {
    const account = new TcpAccount();
    account.open(telemetry.destination(TO_REVIEWS).from(UNKNOWN_PEER, undefined), 0);
    account.sent(10);
    account.received(3);
    account.close();
    account.close();
    const totals = ["connections_opened", "connections_closed", "sent_bytes", "received_bytes"].map(
      (what) => samplesOf(`istio_tcp_${what}_total`)[0]?.[1],
    );
    expect(totals).toEqual([1, 1, 10, 3]);
    expect(samplesOf("istio_tcp_sent_bytes_total")[0]?.[0]).toContain('request_protocol="tcp"');
  });
});

describe("peer metadata", () => {
  it("makes the same workload at the other end", () => {
    const { id, metadata } = peerHeadersOf(NODE);
    expect(id).toBe(NODE.id);
    expect(new PeerReader().read(metadata)).toEqual(telemetry.own);
  });

  it("is the same object for the same header", () => {
    const reader = new PeerReader();
    const { metadata } = peerHeadersOf(NODE);
    const first = reader.read(metadata);
    for (let i = 0; i < 2000; i++) reader.read(Buffer.from(`peer ${i}`).toString("base64"));
    expect(reader.read(metadata)).toEqual(first);
    expect(reader.read(metadata)).toBe(reader.read(metadata));
  });

  it.each(["", "!!!", "AAAA", "x".repeat(100_000)])(
    "describes nobody when it is broken: %.10s",
    (header) => {
      expect(new PeerReader().read(header)).toEqual(UNKNOWN_PEER);
    },
  );
});

describe("a request's account", () => {
  it("counts it where it came in, where it went, and how long it took", () => {
    const account = new RequestAccount();
    const cluster = telemetry.cluster("reviews");
    account.begin(door, 1000);
    expect(door.http.value("downstream_rq_active")).toBe(1);
    account.routed(cluster, NO_DESTINATION);
    account.picked(telemetry.destination(TO_REVIEWS));
    account.wireBytesReceived = 120;
    account.wireBytesSent = 40_000;
    account.requestCompleteAtMs = 1001;
    account.responded(201);
    account.upstreamCompleted(1011);
    account.end(1012, NO_SOURCE);
    expect(door.http.value("downstream_rq_active")).toBe(0);
    expect(door.http.value("downstream_rq_completed")).toBe(1);
    expect(cluster.value("upstream_rq_completed")).toBe(1);
    expect(samplesOf("envoy_cluster_upstream_rq")).toEqual([
      ['envoy_cluster_upstream_rq{envoy_response_code="201",envoy_cluster_name="reviews"}', 1],
    ]);
    expect(samplesOf("envoy_cluster_external_upstream_rq_time")[0]?.[1]).toBe(1);
    const text = [...renderPrometheus(registry)].join("");
    expect(text).toMatch(/istio_request_duration_milliseconds_sum\{.*\} 12\n/);
    expect(text).toMatch(/istio_response_bytes_sum\{.*\} 40000\n/);
  });

  it("counts no cluster where no route led anywhere", () => {
    const account = new RequestAccount();
    account.begin(door, 0);
    account.responded(404);
    account.end(1, NO_SOURCE);
    expect(samplesOf("envoy_cluster_upstream_rq")).toEqual([]);
    expect(samplesOf("istio_requests_total")[0]?.[0]).toContain('destination_service="unknown"');
    expect(samplesOf("envoy_http_downstream_rq_xx")).toContainEqual([
      'envoy_http_downstream_rq_xx{envoy_response_code_class="4",' +
        'envoy_http_conn_manager_prefix="web"}',
      1,
    ]);
  });

  it("ends once, and knows nothing of the request before", () => {
    const account = new RequestAccount();
    account.begin(door, 0);
    account.flags = FLAG_UF;
    account.attempts = 3;
    account.end(1, NO_SOURCE);
    account.end(1, NO_SOURCE);
    expect(door.http.value("downstream_rq_active")).toBe(0);
    account.begin(door, 5);
    expect([account.flags, account.attempts, account.code]).toEqual([0, 0, 0]);
  });

  it("leaves out Istio's metrics without a telemetry filter", () => {
    const account = new RequestAccount();
    account.begin({ ...door, standardMetrics: false }, 0);
    account.responded(200);
    account.end(1, NO_SOURCE);
    expect(samplesOf("istio_requests_total")).toEqual([]);
  });
});

describe("Envoy's statistics", () => {
  it("go on when a name comes again, and go with their cluster or listener", () => {
    telemetry.cluster("a").connectionOpening("http1");
    telemetry.cluster("a").responded(503, true);
    expect(telemetry.cluster("a").value("upstream_cx_active")).toBe(1);
    telemetry.removeCluster("a");
    telemetry.removeListener(socketAddress("10.0.0.1", 80));
    const text = [...renderPrometheus(registry)].join("");
    expect(text).not.toContain('envoy_cluster_name="a"');
    expect(text).not.toContain("envoy_listener_address");
    expect(telemetry.cluster("a").value("upstream_cx_active")).toBe(0);
  });

  it("show a limit as open once nothing is left of it", () => {
    const limits = {
      remainingConnections: 0,
      remainingPending: 5,
      remainingRequests: 2,
      remainingRetries: 1,
    };
    telemetry.cluster("a").watchLimits(limits, true);
    const shown = (stat: string): number | undefined =>
      samplesOf(`envoy_cluster_circuit_breakers_default_${stat}`)[0]?.[1];
    expect([shown("cx_open"), shown("rq_open")]).toEqual([1, 0]);
    expect([shown("remaining_cx"), shown("remaining_pending")]).toEqual([0, 5]);
    telemetry.cluster("a").watchLimits(limits, false);
    expect(shown("remaining_pending")).toBeUndefined();
  });

  it("count codes that exist, by code and class", () => {
    const cluster = telemetry.cluster("a");
    for (const code of [200, 204, 503, 0, 999, Number.NaN]) cluster.responded(code, false);
    expect(samplesOf("envoy_cluster_upstream_rq").map(([, value]) => value)).toEqual([1, 1, 1]);
    expect(samplesOf("envoy_cluster_upstream_rq_xx").map(([, value]) => value)).toEqual([2, 1]);
    expect(cluster.value("upstream_rq_completed")).toBe(6);
  });
});
