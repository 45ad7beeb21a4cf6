import { expect, it } from "vitest";
import { EchoClient, EchoServer } from "../../../test/support/grpc-peer.ts";
import { running } from "../../../test/support/one-hop.ts";
import {
  httpListener,
  OVER_HTTP2,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../../../test/support/proxy-setup.ts";
import { renderPrometheus } from "../../metrics/text-format.ts";

const EXTENSIONS = "type.googleapis.com/envoy.extensions";

const TELEMETRY = {
  name: "telemetry",
  typed_config: {
    "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
    type_url: "outrigger.dev/telemetry",
    value: { direction: "outbound" },
  },
};

const ROUTER = {
  name: "router",
  typed_config: { "@type": `${EXTENSIONS}.filters.http.router.v3.Router` },
};

async function setUp(): Promise<{ setup: ProxySetup; client: EchoClient }> {
  const server = await EchoServer.listen("a");
  const routes = [{ match: { prefix: "/" }, route: { cluster: "echo" } }];
  const listener = httpListener({ hcm: { http_filters: [TELEMETRY, ROUTER] }, routes });
  const setup = await startSetup([listener], [staticCluster("echo", [server.port], OVER_HTTP2)]);
  const bound = setup.proxy.dataPlane.listeners.get("in")?.boundAddress;
  const client = new EchoClient(bound?.kind === "socket" ? bound.port : 0);
  running.push(client, setup, server);
  return { setup, client };
}

/** Istio's protocol and gRPC status labels of all requests so far, with how many there were. */
function counted({ proxy }: ProxySetup): string[] {
  const text = [...renderPrometheus(proxy.telemetry.registry)].join("");
  const lines = text.matchAll(
    /^istio_requests_total\{.*request_protocol="(\w+)".*grpc_response_status="(\d*)".*\} (\d+)$/gm,
  );
  return [...lines].map(([, protocol, status, times]) => `${protocol} ${status}: ${times}`);
}

it("a call's status is in the metrics, from trailers or from the head", async () => {
  const { client, setup } = await setUp();
  await client.unary({ text: "" });
  await client.unary({ text: "" });
  await client.serverStream({ text: "", answers: 2, fail: { code: 5, details: "gone" } });
  await client.unary({ text: "", fail: { code: 7, details: "no" } });
  await expect.poll(() => counted(setup).sort()).toEqual(["grpc 0: 2", "grpc 5: 1", "grpc 7: 1"]);
});
