import fs from "node:fs";
import { type ComparedCase, compareProxies } from "../support/compare-proxies.ts";
import { describeWith } from "../support/tools.ts";

interface LimitCase extends ComparedCase {
  /** One after the other, each on a connection of its own. */
  readonly requests: readonly string[];
}

function ask(host: string, target: string, ...headers: readonly string[]): string {
  return `${[`GET ${target} HTTP/1.1`, `Host: ${host}`, ...headers].join("\r\n")}\r\n\r\n`;
}

function get(target: string, ...headers: readonly string[]): string {
  return ask("a.example", target, ...headers);
}

const ANNA = "X-User: anna";
const BERT = "X-User: bert";

/** The order counts: each takes tokens from the last one's buckets. */
const CASES: readonly LimitCase[] = [
  {
    name: "by a header",
    requests: [
      get("/user", ANNA),
      get("/user", ANNA),
      get("/user", BERT),
      get("/user", BERT, ANNA),
      get("/user", BERT),
      get("/user", "X-User: carl"),
      get("/user"),
    ],
  },
  {
    name: "by a header that may be missing",
    requests: [get("/skip"), get("/skip"), get("/skip", ANNA), get("/skip", BERT)],
  },
  {
    name: "by the path with its query",
    requests: [get("/path?a=1"), get("/path?a=1"), get("/path?a=2"), get("/path")],
  },
  {
    name: "by the client",
    requests: [
      get("/client", "X-Forwarded-For: 192.0.2.7"),
      get("/client", "X-Forwarded-For: 192.0.2.7"),
      get("/client", "X-Forwarded-For: 192.0.2.8"),
      get("/client"),
    ],
  },
  {
    name: "by what headers say and do not say",
    requests: [
      get("/header", "X-Beta: 1", "X-Kind: kk"),
      get("/header", "X-Beta: 1", "X-Kind: kk"),
      get("/header", "X-Beta: 1"),
      get("/header"),
      get("/header", "X-Kind: kk"),
      get("/header"),
    ],
  },
  {
    name: "by the query",
    requests: [get("/query?size=big"), get("/query?size=big&a"), get("/query?size=small")],
  },
  {
    name: "by two descriptors, the slower bucket first",
    requests: [get("/two"), get("/two"), get("/two"), get("/two")],
  },
  {
    name: "apart from the limit of all others",
    requests: [get("/apart"), get("/apart"), get("/apart")],
  },
  {
    name: "of a virtual host",
    requests: [
      ask("hosted.example", "/"),
      ask("hosted.example", "/own"),
      ask("hosted.example", "/own"),
      ask("hosted.example", "/both"),
      ask("hosted.example", "/both"),
      ask("hosted.example", "/both"),
      ask("hosted.example", "/answer"),
      ask("hosted.example", "/"),
    ],
  },
  {
    name: "of a virtual host beside a route's, for each connection",
    requests: [ask("including.example", "/"), ask("including.example", "/")],
  },
  {
    name: "of a virtual host that is not asked",
    requests: [ask("ignoring.example", "/"), ask("ignoring.example", "/")],
  },
];

/** It falls second by second. */
const RESET = /^x-ratelimit-reset: \d+$/;

describeWith(["envoy"], "the descriptors of a local rate limit", () => {
  compareProxies<LimitCase>({
    yaml: fs.readFileSync(new URL("differential-descriptors.yaml", import.meta.url), "utf8"),
    groups: { "requests are told apart": CASES },
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
