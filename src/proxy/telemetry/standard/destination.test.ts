import { beforeEach, describe, expect, it } from "vitest";
import { parseExposition } from "../../../../test/support/exposition.ts";
import type { PeerCertificate } from "../../../identity/peer-certificate.ts";
import { Registry } from "../../../metrics/registry.ts";
import { renderPrometheus } from "../../../metrics/text-format.ts";
import type { WorkloadLabels } from "../../../model/endpoint.ts";
import { EmptySource } from "../../format/source.ts";
import type { TlsInfo } from "../../tls/tls-info.ts";
import { RequestAccount } from "../account.ts";
import { Telemetry } from "../telemetry.ts";
import type { DestinationOptions } from "./destination.ts";
import { TcpAccount } from "./series.ts";
import { UNKNOWN_PEER } from "./workload.ts";

/** As a proxy of this workload sees a connection. */
class SecureSource extends EmptySource {
  readonly #down: TlsInfo | undefined;
  readonly #up: TlsInfo | undefined;

  constructor(down: TlsInfo | undefined, up: TlsInfo | undefined) {
    super();
    this.#down = down;
    this.#up = up;
  }

  override downstreamTls(): TlsInfo | undefined {
    return this.#down;
  }

  override upstreamTls(): TlsInfo | undefined {
    return this.#up;
  }
}

function certificateOf(identity: string): PeerCertificate {
  return {
    names: { dns: [], uri: [identity], email: [], ip: [] },
    identity,
    subject: "",
    issuer: "",
    serial: "01",
    notBeforeMs: 0,
    notAfterMs: 0,
    sha256: "",
    spki: "",
    chain: [],
  };
}

/** `peer`: undefined where it has shown no certificate. */
function tlsBetween(own: string, peer: string | undefined): TlsInfo {
  return {
    version: "TLSv1.3",
    cipher: "TLS_AES_128_GCM_SHA256",
    curve: "",
    serverName: "",
    alpn: "",
    sessionReused: false,
    peer: peer === undefined ? undefined : certificateOf(peer),
    own: certificateOf(own),
  };
}

const NODE = { id: "n", cluster: "c", metadata: {}, userAgentName: "outrigger" };
const REVIEWS: WorkloadLabels = {
  ...UNKNOWN_PEER,
  workload: "reviews-v2",
  canonicalName: "reviews",
};
const TO_REVIEWS: DestinationOptions = {
  direction: "outbound",
  clusterName: "outbound|9080||reviews.shop.svc.cluster.local",
  service: undefined,
  workload: REVIEWS,
};

let registry: Registry;
let telemetry: Telemetry;

beforeEach(() => {
  registry = new Registry();
  telemetry = new Telemetry(registry, NODE, "1.0");
});

function samplesOf(name: string): [string, number][] {
  const text = [...renderPrometheus(registry)].join("");
  return [...(parseExposition(text).get(name)?.samples ?? [])];
}

/** Counts one request and gives the labels that Istio's metrics have for it. */
function labelsOf(options: DestinationOptions, peer: WorkloadLabels, source: EmptySource) {
  const destination = telemetry.destination(options);
  const listener = telemetry.listener({ kind: "socket", host: "10.0.0.1", port: 80 }).http("web");
  const account = new RequestAccount();
  const http = telemetry.http("web");
  account.begin({ http, listener, standardMetrics: true, unrouted: destination, logs: [] }, 0);
  account.peer = peer;
  account.picked(destination);
  account.responded(200);
  account.end(5, source);
  const [[sample] = [""]] = samplesOf("istio_requests_total");
  const labels = sample.matchAll(/(\w+)="([^"]*)"/g);
  return Object.fromEntries([...labels].map(([, name = "", value = ""]) => [name, value]));
}

describe("Istio's metrics of who speaks to whom", () => {
  const PRODUCTPAGE_ID = "spiffe://cluster.local/ns/shop/sa/productpage";
  const REVIEWS_ID = "spiffe://cluster.local/ns/shop/sa/reviews";
  const INBOUND: DestinationOptions = {
    direction: "inbound",
    clusterName: "inbound|80||",
    service: undefined,
    workload: undefined,
  };

  it("take the client's principal from its certificate, whoever it says it is", () => {
    const source = new SecureSource(tlsBetween(PRODUCTPAGE_ID, REVIEWS_ID), undefined);
    expect(labelsOf(INBOUND, UNKNOWN_PEER, source)).toMatchObject({
      source_workload: "unknown",
      source_principal: REVIEWS_ID,
      destination_principal: PRODUCTPAGE_ID,
      connection_security_policy: "mutual_tls",
    });
  });

  it("take the endpoint's principal from its certificate, and leave security to its report", () => {
    const source = new SecureSource(undefined, tlsBetween(PRODUCTPAGE_ID, REVIEWS_ID));
    expect(labelsOf(TO_REVIEWS, UNKNOWN_PEER, source)).toMatchObject({
      source_principal: PRODUCTPAGE_ID,
      destination_principal: REVIEWS_ID,
      connection_security_policy: "unknown",
    });
  });

  it("know nobody by TLS that shows no certificate", () => {
    const source = new SecureSource(tlsBetween(PRODUCTPAGE_ID, undefined), undefined);
    expect(labelsOf(INBOUND, REVIEWS, source)).toMatchObject({
      source_workload: "reviews-v2",
      source_principal: "unknown",
      destination_principal: "unknown",
      connection_security_policy: "none",
    });
  });

  it("keep clients of one workload apart by their principals", () => {
    for (const peer of [REVIEWS_ID, PRODUCTPAGE_ID, REVIEWS_ID]) {
      labelsOf(INBOUND, REVIEWS, new SecureSource(tlsBetween(REVIEWS_ID, peer), undefined));
    }
    expect(
      samplesOf("istio_requests_total")
        .map(([, count]) => count)
        .sort(),
    ).toEqual([1, 2]);
  });

  it("say mutual_tls of TCP connections likewise", () => {
    const series = telemetry
      .destination(INBOUND)
      .from(UNKNOWN_PEER, tlsBetween(PRODUCTPAGE_ID, REVIEWS_ID));
    new TcpAccount().open(series, 0);
    const [[sample] = [""]] = samplesOf("istio_tcp_connections_opened_total");
    expect(sample).toContain(`source_principal="${REVIEWS_ID}"`);
    expect(sample).toContain('connection_security_policy="mutual_tls"');
  });
});
