import { ask } from "../../support/ask.ts";
import type { Arena } from "../arena/arena.ts";
import type { Attack } from "../arena/attack.ts";
import { Attacker, type Spent } from "../wire/attacker.ts";
import { data, type Field, get, post } from "../wire/frames.ts";

/** What only the mesh itself may say to an upstream (Envoy: "HTTP header sanitizing"). */
const INTERNAL: readonly string[] = [
  "x-envoy-internal",
  "x-envoy-retry-on",
  "x-envoy-retry-grpc-on",
  "x-envoy-max-retries",
  "x-envoy-upstream-rq-timeout-ms",
  "x-envoy-upstream-rq-per-try-timeout-ms",
  "x-envoy-upstream-alt-stat-name",
  "x-envoy-expected-rq-timeout-ms",
  "x-envoy-force-trace",
  "x-envoy-ip-tags",
  "x-envoy-decorator-operation",
  "x-envoy-hedge-on-per-try-timeout",
  "x-envoy-original-url",
  "x-outrigger-carried",
  "x-forwarded-client-cert",
];

const DISTINCT = 10_000;

/** Sends heads on one connection of HTTP/2, a batch at a time; how many were answered. */
async function asked(
  arena: Arena,
  spent: Spent,
  heads: readonly (readonly Field[])[],
  port: number = arena.ports.listeners.plain,
): Promise<string> {
  const attacker = await Attacker.openHttp2(port, spent);
  for (let at = 0; at < heads.length; at += 50) {
    const batch = heads.slice(at, at + 50);
    const bytes = batch.map((fields, i) => get(2 * (at + i) + 1, "/neighbour", fields));
    await attacker.send(...bytes);
    if (!(await attacker.sees(/^END /, at + batch.length))) break;
  }
  const answered = attacker.count(/^END /);
  await attacker.leave();
  return answered === heads.length ? "served" : `${answered} of ${heads.length} answered`;
}

async function seriesOf(arena: Arena): Promise<number> {
  const { body } = await ask(arena.admin, "/stats/prometheus");
  return body.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length;
}

/** Whether the log has a line for each request, and nothing in it that is no text. */
async function logged(arena: Arena, mark: string, wanted: number): Promise<string> {
  const lines = (): string[] => arena.accessLog().filter((line) => line.includes(mark));
  for (let turn = 0; turn < 200 && lines().length < wanted; turn++) await arena.good.anotherRound();
  const control = [...arena.accessLog().join("")].filter((character) => character < " ");
  if (control.length > 0) return "control characters in the log";
  return `${lines().length} lines`;
}

const served = (name: string, source: string, heads: readonly (readonly Field[])[]): Attack => ({
  name,
  source,
  verdict: "served",
  run: (arena, spent) => asked(arena, spent, heads),
});

export const REQUESTS: readonly Attack[] = [
  {
    name: "10,000 paths, hosts and user agents",
    source: "metric cardinality",
    verdict: "0 series more",
    forwarded: DISTINCT,
    run: async (arena, spent) => {
      await asked(arena, spent, [[]]);
      const before = await seriesOf(arena);
      const attacker = await Attacker.openHttp2(arena.ports.listeners.plain, spent);
      for (let i = 0; i < DISTINCT; i += 50) {
        const heads = Array.from({ length: 50 }, (_, j) => {
          const n = i + j;
          return get(2 * n + 1, `/p${n}?q=${n}`, [
            ["user-agent", `u${n}`],
            ["x-forwarded-host", `h${n}.example`],
            ["x-request-id", `r${n}`],
            ["x-envoy-peer-metadata-id", `m${n}`],
          ]);
        });
        await attacker.send(...heads);
        if (!(await attacker.sees(/^END /, i + 50))) break;
      }
      await attacker.leave();
      return `${(await seriesOf(arena)) - before} series more`;
    },
  },
  {
    name: "a log line in a user agent",
    source: "CVE-2024-45808",
    verdict: "5 lines",
    run: async (arena, spent) => {
      const agents = [
        'mark-7" 200 - "evil',
        "mark-7\\n\\r\\u000a",
        "mark-7 %0d%0aGET /forged",
        'mark-7","response_code":200,"x":"',
        "mark-7 \xff\xfe\x85\x9b31m",
      ];
      await asked(
        arena,
        spent,
        agents.map((agent): Field[] => [["user-agent", agent]]),
      );
      return logged(arena, "mark-7", agents.length);
    },
  },
  {
    name: "control characters in a user agent",
    source: "terminal escapes",
    verdict: /^(?:0 lines|1 lines)$/,
    run: async (arena, spent) => {
      const attacker = await Attacker.openHttp2(arena.ports.listeners.plain, spent);
      const agents = ["\x1b[2J", "\b\b", "\x7f", "\t\x01"];
      for (const [i, agent] of agents.entries()) {
        await attacker.send(get(2 * i + 1, "/neighbour", [["user-agent", `mark-8${agent}`]]));
      }
      await attacker.sees(/^(?:END|RST_STREAM) /, agents.length);
      await attacker.leave();
      return logged(arena, "mark-8", 0);
    },
  },
  {
    name: "forged words of the mesh",
    source: "CVE-2023-27487",
    verdict: "none reached the origin",
    forwarded: 1,
    run: async (arena, spent) => {
      const forged = INTERNAL.map((name): Field => [name, "1"]);
      const fields: readonly Field[] = [...forged, ["x-forwarded-for", "203.0.113.9, 10.0.0.1"]];
      const attacker = await Attacker.openHttp2(arena.ports.listeners.edge, spent);
      await attacker.send(get(1, "/forged", fields));
      await attacker.sees("END 1");
      await attacker.leave();
      const seen = arena.origin.seen.find(({ line }) => line === "GET /forged");
      if (seen === undefined) return "nothing reached the origin";
      const kept = INTERNAL.filter((name) => seen.headers[name] === "1");
      return kept.length === 0 ? "none reached the origin" : kept.join();
    },
  },
  {
    name: "trailers with words of the mesh",
    source: "CVE-2026-73513",
    verdict: "none merged",
    forwarded: 1,
    run: async (arena, spent) => {
      const attacker = await Attacker.open(arena.ports.listeners.edge, spent);
      await attacker.send(
        "POST /trailed HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n" +
          "x-forwarded-client-cert: By=evil\r\nauthorization: evil\r\nx-forwarded-for: 1\r\n\r\n",
      );
      await attacker.sees(/^\d/);
      await attacker.leave();
      const seen = arena.origin.seen.find(({ line }) => line === "POST /trailed");
      const values = Object.values(seen?.headers ?? { none: "evil" }).join();
      return values.includes("evil") ? "merged" : "none merged";
    },
  },
  served("garbage for tracers", "traceparent, b3, baggage", [
    [["traceparent", "00-00000000000000000000000000000000-0000000000000000-ff"]],
    [["traceparent", "zz-".repeat(1000)]],
    [["traceparent", "00-__proto__-constructor-01"]],
    [["tracestate", "a=b,".repeat(2000)]],
    [["b3", "-".repeat(500)]],
    [
      ["x-b3-traceid", "g".repeat(32)],
      ["x-b3-sampled", "maybe"],
    ],
    [["baggage", "k=v,".repeat(3000)]],
    [["x-request-id", "r".repeat(8000)]],
    [["x-cloud-trace-context", "1/2;o=9999999999999"]],
  ]),
  served("names of Object's prototype", "CVE-2026-21710", [
    [
      ["__proto__", "x"],
      ["constructor", "x"],
      ["hasownproperty", "x"],
      ["tostring", "x"],
    ],
    [["cookie", "__proto__=1; constructor=1"]],
    Array.from({ length: 80 }, (_, i): Field => [`${2 ** 32 - 1 - i}`, "integer-like"]),
  ]),
  served("timeouts that nobody can keep", "CVE-2021-28682", [
    ...["99999999999H", "-1S", "1e9S", "", "0n", "9".repeat(1000), "1", "S", "\xb9S"].map(
      (timeout): Field[] => [
        ["content-type", "application/grpc"],
        ["te", "trailers"],
        ["grpc-timeout", timeout],
      ],
    ),
  ]),
  served("timeouts of our own", "Envoy: x-envoy-upstream-rq-timeout-ms", [
    ...["-1", "99999999999999999999", "NaN", "1e999", "0x10"].map((ms): Field[] => [
      ["x-envoy-upstream-rq-timeout-ms", ms],
      ["x-envoy-max-retries", ms],
      ["x-envoy-retry-on", "__proto__,constructor,5xx"],
      ["x-envoy-retriable-status-codes", ms],
    ]),
  ]),
  {
    name: "a gRPC message of 4 GiB, so it says",
    source: "gRPC over HTTP/2",
    verdict: "served",
    forwarded: 2,
    run: async (arena, spent) => {
      const grpc: readonly Field[] = [
        ["content-type", "application/grpc"],
        ["te", "trailers"],
      ];
      const attacker = await Attacker.openHttp2(arena.ports.listeners.plain, spent);
      const huge = Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 1]);
      const squeezed = Buffer.from([1, 0, 0, 0, 1, 0x78]);
      await attacker.send(post(1, "/grpc.Service/Huge", grpc), data(1, huge, true));
      await attacker.send(post(3, "/grpc.Service/Squeezed", grpc), data(3, squeezed, true));
      const answered = (await attacker.sees("END 1")) && (await attacker.sees("END 3"));
      await attacker.leave();
      return answered ? "served" : attacker.events.join();
    },
  },
  {
    name: "a method by another name",
    source: "X-HTTP-Method-Override",
    verdict: "GET",
    forwarded: 1,
    run: async (arena, spent) => {
      const attacker = await Attacker.openHttp2(arena.ports.listeners.plain, spent);
      await attacker.send(get(1, "/method", [["x-http-method-override", "DELETE"]]));
      await attacker.sees("END 1");
      await attacker.leave();
      return (
        arena.origin.seen.find(({ line }) => line.endsWith(" /method"))?.line.slice(0, 3) ?? ""
      );
    },
  },
];
