import { expect, it } from "vitest";
import { Http2Client } from "../../test/support/http2-client.ts";
import { answered, originServer, running } from "../../test/support/one-hop.ts";
import { httpListener, startSetup, staticCluster } from "../../test/support/proxy-setup.ts";

const FILTERS = "type.googleapis.com/envoy.extensions.filters.http";

it("a verdict about a stream that was reset lets no other stream pass", async () => {
  const [origin, judge] = [await originServer(), await originServer()];
  const authz = {
    "@type": `${FILTERS}.ext_authz.v3.ExtAuthz`,
    transport_api_version: "V3",
    http_service: { server_uri: { uri: "http://judge", cluster: "judge", timeout: "5s" } },
  };
  const http_filters = [
    { name: "authz", typed_config: authz },
    { name: "router", typed_config: { "@type": `${FILTERS}.router.v3.Router` } },
  ];
  const routes = [{ match: { prefix: "/" }, route: { cluster: "origin" } }];
  const clusters = [staticCluster("origin", [origin.port]), staticCluster("judge", [judge.port])];
  const setup = await startSetup([httpListener({ hcm: { http_filters }, routes })], clusters);
  const client = await Http2Client.connect(setup.port());
  running.push({ stop: () => client.closes() }, setup);
  const first = client.opens("/first");
  const askedFirst = await judge.accepts();
  await askedFirst.receives("\r\n\r\n");
  first.resets();
  await askedFirst.sees("end");
  const second = client.opens("/second");
  const askedSecond = await judge.accepts();
  expect(await askedSecond.receives("\r\n\r\n")).toContain("GET /second ");
  askedFirst.sends("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  askedSecond.sends("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno");
  expect(await second.answer()).toMatchObject({ status: 403, body: "no" });
  expect(setup.stat("origin", "upstream_rq_total")).toBe(0);
  const third = client.opens("/third");
  await askedSecond.receives("\r\n\r\n");
  askedSecond.sends("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
  await answered(await origin.accepts());
  expect((await third.answer()).status).toBe(200);
});
