/** The conformance suite of HTTP/2 against the proxy, with an ordinary origin behind it. */
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
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
    const routes = [{ match: { prefix: "/" }, route: { cluster: "origin" } }];
    // One that speaks HTTP/1.1 too would answer a wrong preface in that, as Envoy does.
    const hcm = { codec_type: "HTTP2" };
    setup = await startSetup([httpListener({ hcm, routes })], [staticCluster("origin", [port])]);
  });

  afterAll(async () => {
    await setup.stop();
    origin.close();
    origin.closeAllConnections();
  });

  it(
    `passes all ${ALL_CASES} cases without TLS`,
    async () => {
      const { failed, output, passed, skipped } = await runH2Spec(setup.port());
      expect({ failed, skipped }, output).toEqual({ failed: [], skipped: [] });
      expect(passed).toBe(ALL_CASES);
      expect(setup.proxy.telemetry.http("in").value("downstream_rq_active")).toBe(0);
    },
    SUITE_MS,
  );
});
