import fs from "node:fs";
import { type ComparedCase, compareProxies } from "../support/compare-proxies.ts";
import type { Origins, ProxyUnderTest, SeenRequest } from "../support/differential.ts";
import { eventually } from "../support/envoy-process.ts";
import { describeWith } from "../support/tools.ts";

interface MirrorCase extends ComparedCase {
  readonly request: string;
  /** Requests that reach the origins, copies included. */
  readonly reach: number;
}

function get(name: string, target: string, reach: number, host = "reviews"): MirrorCase {
  return { name, request: `GET ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`, reach };
}

const FAILING = "X-Origin-Status: 503\r\n";
const HEAD = "POST /suffix HTTP/1.1\r\nHost: reviews\r\n";

const CASES: readonly MirrorCase[] = [
  get("says in Host that it is a copy", "/suffix", 2),
  get("says so before the port", "/suffix", 2, "reviews:9080"),
  get("says so behind an address of IPv6", "/suffix", 2, "[::1]:9080"),
  get("goes as often as there are policies", "/twice", 3),
  get("is what the route makes of the request", "/rewritten/x?y", 2),
  get("goes where a virtual host says", "/", 2, "own.example"),
  get("goes nowhere where its share is nothing", "/none", 1, "own.example"),
  get("goes where the route configuration says", "/", 2),
  get("goes although the request's own upstream refuses", "/refused", 1),
  get("is missed by nobody where its upstream refuses", "/dead-mirror", 1),
  get("is missed by nobody where its cluster is unknown", "/no-mirror", 1),
  get("is not made where the proxy answers", "/direct", 0),
  {
    name: "is made once, however often the request is tried",
    request: `GET /retried HTTP/1.1\r\nHost: reviews\r\n${FAILING}\r\n`,
    reach: 3,
  },
  {
    name: "has the body",
    request: `${HEAD}Content-Length: 5\r\n\r\nhello`,
    reach: 2,
  },
  {
    name: "has a body of unknown length",
    request: `${HEAD}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n2\r\nyo\r\n0\r\n\r\n`,
    reach: 2,
  },
  {
    name: "takes addresses that were there",
    request: "GET /suffix HTTP/1.1\r\nHost: reviews\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n",
    reach: 2,
  },
];

/** The order in which a request and its copies arrive is nobody's. */
async function exchange(proxy: ProxyUnderTest, one: MirrorCase, origins: Origins) {
  const outcome = await proxy.exchange(one.request, origins);
  const seen: SeenRequest[] = [...outcome.seen];
  await eventually("the copies have arrived", () => {
    seen.push(...origins.take());
    return Promise.resolve(seen.length >= one.reach);
  });
  const texts = seen.map((request) => JSON.stringify(request)).sort();
  return { ...outcome, seen: texts };
}

describeWith(["envoy"], "a copy from Envoy and from Outrigger", () => {
  compareProxies({
    yaml: fs.readFileSync(new URL("differential-mirror.yaml", import.meta.url), "utf8"),
    groups: { "a copy": CASES },
    exchange,
    counters: /^cluster\.(?:a|b|refused)\.(?:internal\.)?upstream_rq_(?:total|completed|[1-5]..)$/,
  });
});
