import { describe, expect, it } from "vitest";
import { httpListener } from "../../../test/support/proxy-setup.ts";
import { startWorkersSetup } from "../../../test/support/workers-setup.ts";

const GET = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const ALL = { default_value: { numerator: 100 } };

function limited(maxTokens: number): unknown {
  const limit = {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
    stat_prefix: "shared",
    token_bucket: { max_tokens: maxTokens, fill_interval: "3600s" },
    filter_enabled: ALL,
    filter_enforced: ALL,
  };
  const router = {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router",
  };
  const filters = [
    { name: "limit", typed_config: limit },
    { name: "router", typed_config: router },
  ];
  const routes = [{ match: { prefix: "/" }, direct_response: { status: 200 } }];
  return httpListener({ hcm: { http_filters: filters }, routes });
}

describe("a rate limit of two workers", () => {
  it("holds for both together", async () => {
    const setup = await startWorkersSetup([limited(10)], []);
    const statuses: string[] = [];
    const send = async (count: number): Promise<void> => {
      for (const client of await setup.clients(count)) {
        client.sends(GET);
        const { head } = await client.receivesResponse();
        statuses.push(head.slice(9, 12));
        client.closes();
      }
    };
    await send(16);
    expect(statuses.filter((status) => status === "200")).toHaveLength(10);
    expect(await setup.metric("envoy_http_local_rate_limit_enforced")).toBe(6);
    await send(4);
    expect(statuses.slice(-4)).toEqual(["429", "429", "429", "429"]);
  });
});
