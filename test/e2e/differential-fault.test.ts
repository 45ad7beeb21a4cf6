import fs from "node:fs";
import { afterAll, beforeAll, expect, it } from "vitest";
import { compareProxies } from "../support/compare-proxies.ts";
import { Origins, ProxyUnderTest } from "../support/differential.ts";
import { type DifferentialCase, rawOf } from "../support/differential-cases.ts";
import { freePort } from "../support/envoy-process.ts";
import { describeWith } from "../support/tools.ts";

const YAML = fs.readFileSync(new URL("differential-fault.yaml", import.meta.url), "utf8");
const GRPC = "Content-Type: application/grpc";

function ask(name: string, path: string, ...headers: string[]): DifferentialCase {
  return { name, lines: [`GET ${path} HTTP/1.1`, "Host: reviews", ...headers] };
}

function own(name: string, path: string): DifferentialCase {
  return { name, lines: [`GET ${path} HTTP/1.1`, "Host: own"] };
}

function post(name: string, path: string, body: string): DifferentialCase {
  const lines = [`POST ${path} HTTP/1.1`, "Host: reviews", `Content-Length: ${body.length}`];
  return { name, lines, body };
}

/** A header of those that ask for a fault. */
function fault(name: string, value: string): string {
  return `X-Envoy-Fault-${name}: ${value}`;
}

const ABORT = "Abort-Request";
const GRPC_ABORT = "Abort-Grpc-Request";
const ABORT_SHARE = "Abort-Request-Percentage";
const DELAY = "Delay-Request";
const DELAY_SHARE = "Delay-Request-Percentage";

const GROUPS: Readonly<Record<string, readonly DifferentialCase[]>> = {
  "an abort": [
    ask("answers", "/abort/503"),
    {
      ...ask("answers without a body where the status has none", "/abort/204"),
      difference: "A local reply of 204 or 304 has no body",
    },
    { name: "answers HEAD", lines: ["HEAD /abort/503 HTTP/1.1", "Host: reviews"] },
    ask("answers a gRPC call in its words", "/abort/503", GRPC),
    ask("gives a gRPC status", "/abort/grpc", GRPC),
    ask("gives a gRPC status to what is no call", "/abort/grpc"),
    ask("of no share is none", "/abort/never"),
    ask("of a share that is not said is none", "/abort/unsaid"),
    ask("is not retried, and has the route's headers", "/abort/retried"),
    ask("takes the place of a direct response", "/direct"),
    ask("takes the place of no route", "/nowhere"),
    post("answers before the body", "/abort/503", "hello"),
  ],
  "a delay": [
    ask("does not count against the route's timeout", "/delay/short"),
    post("keeps the body", "/delay/short", "hello"),
    ask("may end in an abort", "/delay/abort"),
    ask("is told before a failure", "/delay/refused"),
    ask("is cut short by the route's idle timeout", "/delay/idle"),
    ask("is cut short by the longest time of a stream", "/delay/duration"),
    ask("is cut short by the listener's idle timeout", "/delay/silent"),
  ],
  "what decides": [
    own("a route's own", "/route"),
    own("a route's none", "/none"),
    own("the virtual host's", "/host"),
    own("the virtual host's, of a direct response", "/direct"),
    ask("the filter's", "/filter"),
    ask("faults that are under way", "/active"),
    ask("headers: one is missing", "/headers", "X-One: 1"),
    ask("headers: all are there", "/headers", "X-One: 1", "X-Two: x"),
    ask("another value of a header", "/inverted", "X-One: 2"),
    ask("another value of a header, which is missing", "/inverted"),
    ask("another value of a header, where missing is empty", "/as-empty"),
    ask("the cluster", "/cluster/a"),
    ask("another cluster", "/cluster/b"),
    ask("no cluster", "/cluster/direct"),
    ask("who calls", "/nodes", "X-Envoy-Downstream-Service-Node: node-2"),
    ask("somebody else calls", "/nodes", "X-Envoy-Downstream-Service-Node: node-3"),
    ask("nobody knows who calls", "/nodes"),
  ],
  "a request that asks": [
    ask("for nothing", "/asked"),
    ask("for an abort", "/asked", fault(ABORT, "418")),
    ask("for a gRPC status", "/asked", fault(GRPC_ABORT, "5"), GRPC),
    ask("for any gRPC status", "/asked", fault(GRPC_ABORT, "99"), GRPC),
    ask("for both", "/asked", fault(ABORT, "500"), fault(GRPC_ABORT, "5"), GRPC),
    ask("for both, of which one is none", "/asked", fault(ABORT, "99"), fault(GRPC_ABORT, "5")),
    ask("for a delay", "/asked", fault(DELAY, "20")),
    ask("for a delay and an abort", "/asked", fault(DELAY, "20"), fault(ABORT, "500")),
    ask("for less of it", "/asked", fault(ABORT, "500"), fault(ABORT_SHARE, "0")),
    ask("for more than all", "/asked", fault(ABORT, "500"), fault(ABORT_SHARE, "4294967295")),
    ask("for more than a number", "/asked", fault(ABORT, "500"), fault(ABORT_SHARE, "4294967296")),
    ask("for a share in words", "/asked", fault(ABORT, "500"), fault(ABORT_SHARE, "none")),
    ask("for less delay", "/asked", fault(DELAY, "20"), fault(DELAY_SHARE, "0")),
    ask("beyond the bound", "/bounded", fault(ABORT, "500"), fault(ABORT_SHARE, "100")),
    ask("for a delay beyond it", "/bounded", fault(DELAY, "20"), fault(DELAY_SHARE, "100")),
    ask("with a sign", "/asked", fault(ABORT, "+503")),
    ask("for less than nothing", "/asked", fault(ABORT, "-503")),
    ask("with blanks", "/asked", fault(ABORT, "5 03")),
    ask("in hexadecimal", "/asked", fault(ABORT, "0x1f7")),
    ask("with zeros before", "/asked", fault(ABORT, "000503")),
    ask("for a success", "/asked", fault(ABORT, "200")),
    ask("for no status at all", "/asked", fault(ABORT, "600")),
    ask("for an interim status", "/asked", fault(ABORT, "199")),
    ask("twice", "/asked", fault(ABORT, "503"), fault(ABORT, "500")),
    ask("for no delay", "/asked", fault(DELAY, "0")),
    ask("for a delay of words", "/asked", fault(DELAY, "1s")),
    ask("for a delay beyond 63 bits", "/asked", fault(DELAY, "9223372036854775808")),
    ask("for a delay beyond 64 bits", "/asked", fault(DELAY, "18446744073709551616")),
  ],
};

const COUNTERS = /^http\.in\.fault\.|^http\.in\.downstream_rq_([1-5]xx|idle_timeout|max_duration)/;

describeWith(["envoy"], "Envoy's fault filter and Outrigger's", () => {
  compareProxies({
    yaml: YAML,
    groups: GROUPS,
    exchange: (proxy, one, origins) => proxy.exchange(rawOf(one), origins),
    counters: COUNTERS,
  });
});

/** Of so many requests a share of a half; a fair one is outside of the bound once in 10^9 runs. */
const REQUESTS = 400;
const [FEWEST, MOST] = [139, 261];

describeWith(["envoy"], "a share of faults", () => {
  let origins: Origins;
  let proxies: readonly ProxyUnderTest[];

  beforeAll(async () => {
    origins = await Origins.start(["a", "b"]);
    const ports = {
      ORIGIN_a: origins.port("a"),
      ORIGIN_b: origins.port("b"),
      REFUSED: await freePort(),
    };
    const start = (kind: "envoy" | "outrigger") => ProxyUnderTest.start(kind, YAML, ports);
    proxies = await Promise.all([start("envoy"), start("outrigger")]);
  });

  afterAll(async () => {
    for (const proxy of proxies ?? []) await proxy.stop();
    origins?.stop();
  });

  it.each([
    ["of all requests", "/abort/half"],
    ["of those to one cluster of a split", "/cluster/split"],
  ])("is a share %s", async (_, path) => {
    for (const proxy of proxies) {
      let aborted = 0;
      for (let i = 0; i < REQUESTS; i++) {
        const { status } = await fetch(`http://127.0.0.1:${proxy.port}${path}`);
        if (status === 503) aborted++;
      }
      expect(aborted).toBeGreaterThan(FEWEST);
      expect(aborted).toBeLessThan(MOST);
    }
  });

  it("of a split are those that would have gone to the cluster", async () => {
    for (const proxy of proxies) {
      for (let i = 0; i < 20; i++) {
        const response = await fetch(`http://127.0.0.1:${proxy.port}/cluster/split`);
        const to = response.status === 503 ? "a" : response.headers.get("x-origin");
        await response.text();
        expect(to).toBe(response.status === 503 ? "a" : "b");
      }
    }
  });
});
