import { expect, it } from "vitest";
import { running } from "../../../test/support/one-hop.ts";
import { httpListener, startSetup } from "../../../test/support/proxy-setup.ts";
import { renderPrometheus } from "../../metrics/text-format.ts";
import { peerHeadersOf } from "../telemetry/standard/peer-metadata.ts";

const FILTERS = "type.googleapis.com/envoy.extensions.filters.http";

const TELEMETRY = {
  name: "telemetry",
  typed_config: {
    "@type": "type.googleapis.com/xds.type.v3.TypedStruct",
    type_url: "outrigger.dev/telemetry",
    value: { direction: "inbound" },
  },
};

const ONE_REQUEST = {
  name: "limit",
  typed_config: {
    "@type": `${FILTERS}.local_ratelimit.v3.LocalRateLimit`,
    stat_prefix: "limit",
    token_bucket: { max_tokens: 1, tokens_per_fill: 1, fill_interval: "3600s" },
    filter_enabled: { default_value: { numerator: 100 } },
    filter_enforced: { default_value: { numerator: 100 } },
  },
};

const ROUTER = { name: "router", typed_config: { "@type": `${FILTERS}.router.v3.Router` } };

it("who calls is counted for requests that a filter refuses, too", async () => {
  const { metadata } = peerHeadersOf({
    id: "caller",
    cluster: "",
    metadata: { WORKLOAD_NAME: "caller", NAMESPACE: "shop" },
    userAgentName: "outrigger",
  });
  const routes = [{ match: { prefix: "/" }, direct_response: { status: 200 } }];
  const hcm = { http_filters: [TELEMETRY, ONE_REQUEST, ROUTER] };
  const setup = await startSetup([httpListener({ hcm, routes })], []);
  running.push(setup);
  const client = await setup.client();
  for (const status of [200, 429]) {
    client.sends(`GET / HTTP/1.1\r\nHost: a\r\nx-envoy-peer-metadata: ${metadata}\r\n\r\n`);
    expect((await client.receivesResponse()).head).toContain(` ${status} `);
  }
  const text = [...renderPrometheus(setup.proxy.telemetry.registry)].join("");
  const counted = text.matchAll(
    /^istio_requests_total\{.*source_workload="(\w+)".*response_code="(\d+)".*\} 1$/gm,
  );
  expect([...counted].map(([, source, code]) => `${source} ${code}`).sort()).toEqual([
    "caller 200",
    "caller 429",
  ]);
});
