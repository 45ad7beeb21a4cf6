/** What a dialect's translation retries by itself is never executed twice: an origin counts. */
import { describe, expect, it } from "vitest";
import {
  DEFAULT_RETRIES,
  INBOUND_RETRIES,
  retryPolicyOf,
} from "../src/control/snapshot/route/retry-policy.ts";
import type { RetryPolicy } from "../src/model/route.ts";
import { Http2Origin } from "./support/http2-origin.ts";
import { oneHop, originServer } from "./support/one-hop.ts";

const CALL =
  "POST /pay HTTP/1.1\r\nHost: a\r\nContent-Type: application/grpc\r\n" +
  "Content-Length: 5\r\n\r\nhello";

function routesBy({ numRetries, retryOn }: RetryPolicy): readonly object[] {
  const retry_policy = { retry_on: retryOn.join(","), num_retries: numRetries };
  return [{ match: { prefix: "/" }, route: { cluster: "origin", retry_policy } }];
}

const ANSWERS: Readonly<Record<string, string>> = {
  "a call that the application says is unavailable":
    "HTTP/1.1 200 OK\r\ngrpc-status: 14\r\ncontent-length: 0\r\n\r\n",
  "a call that it cancelled": "HTTP/1.1 200 OK\r\ngrpc-status: 1\r\ncontent-length: 0\r\n\r\n",
  "an answer of 503": "HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n",
  "the end of the connection": "",
};

describe.each([
  { policy: DEFAULT_RETRIES, of: "a service's default" },
  { policy: INBOUND_RETRIES, of: "a pod's own" },
])("by $of retries", ({ policy }) => {
  it.each(Object.keys(ANSWERS))("nothing is executed twice after %s", async (name) => {
    const origin = await originServer();
    const setup = await oneHop(origin, { routes: [...routesBy(policy)] });
    const client = await setup.client();
    client.sends(CALL);
    const upstream = await origin.accepts();
    await upstream.receives("hello");
    const answer = ANSWERS[name] ?? "";
    if (answer === "") upstream.closes();
    else upstream.sends(answer);
    await client.receivesResponse();
    expect(setup.stat("origin", "upstream_rq_total")).toBe(1);
    expect(origin.connections).toBe(1);
  });
});

it("a stream that was refused was not executed, and is tried again", async () => {
  const origin = await Http2Origin.listen();
  const h2 = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
  const setup = await oneHop(origin, {
    routes: [...routesBy(DEFAULT_RETRIES)],
    cluster: {
      typed_extension_protocol_options: {
        [h2]: {
          "@type": `type.googleapis.com/${h2}`,
          explicit_http_config: { http2_protocol_options: {} },
        },
      },
    },
  });
  const client = await setup.client();
  client.sends(CALL);
  (await origin.takes()).close(7);
  const second = await origin.takes();
  second.respond({ ":status": 200, "grpc-status": "0" }, { endStream: true });
  expect((await client.receivesResponse()).head).toContain("200 OK");
  expect(setup.stat("origin", "upstream_rq_retry_success")).toBe(1);
});

it("who asks for retries gets Istio's conditions, or the ones that are named", () => {
  const asked = {
    attempts: 2,
    perTryTimeoutMs: undefined,
    retryOn: [],
    statusCodes: [],
    backOffBaseMs: undefined,
    avoidPreviousHosts: true,
  };
  expect(retryPolicyOf(asked)?.retryOn).toContain("unavailable");
  expect(retryPolicyOf({ ...asked, retryOn: ["5xx"] })?.retryOn).toEqual(["5xx"]);
  expect(retryPolicyOf(undefined)?.retryOn).toEqual(["connect-failure", "refused-stream"]);
});
