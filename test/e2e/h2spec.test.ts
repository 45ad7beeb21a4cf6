/** The conformance suite of HTTP/2 against the proxy, with an ordinary origin behind it. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { TestAuthority } from "../support/certificates.ts";
import { runH2Spec } from "../support/h2spec.ts";
import {
  httpListener,
  type ProxySetup,
  startSetup,
  staticCluster,
} from "../support/proxy-setup.ts";
import { describeWith } from "../support/tools.ts";

const ALL_CASES = 146;
/** Cases wait for what a faulty peer does not do, a second or two each. */
const SUITE_MS = 300_000;
const TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";
const ROUTES = [{ match: { prefix: "/" }, route: { cluster: "origin" } }];

/** One that speaks HTTP/1.1 too would answer a wrong preface in that, as Envoy does. */
const WITHOUT_TLS = httpListener({
  name: "plain",
  hcm: { codec_type: "HTTP2" },
  routes: ROUTES,
});

/** Where ALPN decides. */
async function withTls(): Promise<unknown> {
  const authority = await TestAuthority.create();
  const { chain, key } = await authority.issue({ name: "proxy" });
  const certificate = {
    certificate_chain: { inline_string: chain },
    private_key: { inline_string: key },
  };
  const common_tls_context = {
    alpn_protocols: ["h2", "http/1.1"],
    tls_certificates: [certificate],
  };
  const listener = httpListener({ name: "secure", routes: ROUTES }) as {
    readonly filter_chains: readonly object[];
  };
  const transport_socket = { name: "tls", typed_config: { "@type": TLS, common_tls_context } };
  return { ...listener, filter_chains: [{ ...listener.filter_chains[0], transport_socket }] };
}

describeWith(["h2spec"], "h2spec", () => {
  let origin: Server;
  let setup: ProxySetup;

  beforeAll(async () => {
    origin = createServer((request, response) => {
      request.resume().on("end", () => response.end("what an origin says\n"));
    });
    origin.listen(0, "127.0.0.1");
    await once(origin, "listening");
    const { port } = origin.address() as AddressInfo;
    setup = await startSetup([WITHOUT_TLS, await withTls()], [staticCluster("origin", [port])]);
  });

  afterAll(async () => {
    await setup?.stop();
    origin.close();
    origin.closeAllConnections();
  });

  it.each([
    { how: "without TLS", listener: "plain", tls: false },
    { how: "over TLS", listener: "secure", tls: true },
  ])(
    `passes all ${ALL_CASES} cases $how`,
    async ({ listener, tls }) => {
      const { failed, output, passed, skipped } = await runH2Spec(setup.port(listener), { tls });
      expect({ failed, skipped }, output).toEqual({ failed: [], skipped: [] });
      expect(passed).toBe(ALL_CASES);
      const http = setup.proxy.telemetry.http(listener);
      expect(http.value("downstream_rq_http2_total")).toBeGreaterThan(0);
      expect(http.value("downstream_rq_active")).toBe(0);
    },
    SUITE_MS,
  );
});
