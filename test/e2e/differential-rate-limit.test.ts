import fs from "node:fs";
import { type ComparedCase, compareProxies } from "../support/compare-proxies.ts";
import { describeWith } from "../support/tools.ts";

interface LimitCase extends ComparedCase {
  /** One after the other, each on a connection of its own. */
  readonly requests: readonly string[];
}

function get(target: string, ...headers: readonly string[]): string {
  const lines = [`GET ${target} HTTP/1.1`, "Host: reviews", ...headers];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

function shared(target: string): string {
  return `GET ${target} HTTP/1.1\r\nHost: shared.example\r\n\r\n`;
}

const GRPC = "Content-Type: application/grpc";

/** The order counts: each takes tokens from the last one's bucket. */
const CASES: readonly LimitCase[] = [
  {
    name: "holds for all routes of a listener, and for none",
    requests: [get("/app"), get("/nowhere"), get("/app"), get("/app"), get("/nowhere")],
  },
  { name: "answers gRPC calls in their way", requests: [get("/app", GRPC)] },
  { name: "is a route's own", requests: [get("/headers"), get("/headers"), get("/headers")] },
  { name: "only watches where it is told to", requests: [get("/watched"), get("/watched")] },
  { name: "is off by default", requests: [get("/disabled"), get("/disabled")] },
  { name: "is each connection's own", requests: [get("/connection"), get("/connection")] },
  {
    name: "says to calls that resources are exhausted, with a status that is an error",
    requests: [get("/exhausted"), get("/exhausted"), get("/exhausted", GRPC)],
  },
  {
    name: "is one for all routes of a virtual host",
    requests: [shared("/one"), shared("/two"), shared("/one"), shared("/two")],
  },
];

/** It falls second by second. */
const RESET = /^x-ratelimit-reset: \d+$/;

describeWith(["envoy"], "a local rate limit of Envoy and of Outrigger", () => {
  compareProxies<LimitCase>({
    yaml: fs.readFileSync(new URL("differential-rate-limit.yaml", import.meta.url), "utf8"),
    groups: { "a limit": CASES },
    exchange: async (proxy, { requests }, origins) => {
      const outcomes = [];
      for (const request of requests) {
        const outcome = await proxy.exchange(request, origins);
        const headers = outcome.headers.map((line) => line.replace(RESET, "x-ratelimit-reset: …"));
        outcomes.push({ ...outcome, headers });
      }
      return outcomes;
    },
    counters: /\.http_local_rate_limit\.|^http\.in\.downstream_rq_[2-5]xx$/,
  });
});
