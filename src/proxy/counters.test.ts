import { expect, it } from "vitest";
import { httpListener, startSetup } from "../../test/support/proxy-setup.ts";
import { renderPrometheus } from "../metrics/text-format.ts";

it("counts refused heads, direct responses and missing clusters as Envoy 1.40 does", async () => {
  const routes = [
    { match: { path: "/direct" }, direct_response: { status: 418 } },
    { match: { prefix: "/" }, route: { cluster: "nothing" } },
  ];
  const setup = await startSetup([httpListener({ routes })], []);
  for (const request of ["BAD\r\n\r\n", "GET /direct HTTP/1.1\r\nHost: a\r\n\r\n"]) {
    const client = await setup.client();
    client.sends(request);
    await client.receivesResponse();
  }
  const client = await setup.client();
  client.sends("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.receivesResponse();
  const http = setup.proxy.telemetry.http("in");
  expect(http.value("downstream_rq_completed")).toBe(3);
  expect(http.value("rq_direct_response")).toBe(1);
  expect(http.value("no_cluster")).toBe(1);
  const text = [...renderPrometheus(setup.proxy.telemetry.registry)].join("");
  expect(text).toMatch(/^envoy_listener_http_downstream_rq_completed\{.*\} 3$/m);
  await setup.stop();
});
