/** Durations of streams and connections: what ends, and how it is said and counted. */
import fs from "node:fs";
import net from "node:net";
import { type ComparedCase, compareProxies } from "../support/compare-proxies.ts";
import { eventually } from "../support/envoy-process.ts";
import { Peer } from "../support/peer.ts";
import { describeWith } from "../support/tools.ts";

const YAML = fs.readFileSync(new URL("differential-durations.yaml", import.meta.url), "utf8");
const SILENT = "X-Origin-Silent: 1";

function get(target: string, ...headers: readonly string[]): string {
  return `${[`GET ${target} HTTP/1.1`, "Host: a", ...headers].join("\r\n")}\r\n\r\n`;
}

function call(target: string, ...headers: readonly string[]): string {
  return get(target, "Content-Type: application/grpc", ...headers);
}

interface StreamCase extends ComparedCase {
  readonly request: string;
}

const STREAMS: readonly StreamCase[] = [
  { name: "of the listener", request: get("/", SILENT) },
  { name: "of the listener, beside {} which ends the timeout", request: get("/inherits", SILENT) },
  { name: "of the route", request: get("/longer", SILENT) },
  { name: "that is none", request: get("/none", SILENT) },
  { name: "of a call, without a word of the route", request: call("/") },
  { name: "of a call, as the route announces the listener's", request: call("/inherits") },
  {
    name: "of a call, with a deadline that nobody asked for",
    request: call("/inherits", "grpc-timeout: 7S"),
  },
  {
    name: "of a request that is never complete",
    request: `${get("/", "Content-Length: 5", SILENT).trimEnd()}\r\n\r\nab`,
  },
  { name: "that is long enough", request: get("/") },
];

describeWith(["envoy"], "the longest duration of a stream", () => {
  compareProxies<StreamCase>({
    yaml: YAML.replace("$COMMON", "{max_stream_duration: 0.5s}"),
    groups: { "a stream": STREAMS },
    exchange: (proxy, { request }, origins) => proxy.exchange(request, origins),
    counters: /^http\.in\.(downstream_rq_(max_duration_reached|idle_timeout|[2-5]xx))$/,
  });
});

const REACHED = "http.in.downstream_cx_max_duration_reached";

interface AgeCase extends ComparedCase {
  /** Before it is old, and after. */
  readonly requests: readonly [string, string];
}

describeWith(["envoy"], "the longest duration of a connection", () => {
  const masked = (head: string): string =>
    head.replace(/(date|x-envoy-upstream-service-time): [^\r]*/g, "$1: …");

  compareProxies<AgeCase>({
    yaml: YAML.replace("$COMMON", "{max_connection_duration: 0.5s}"),
    groups: {
      "an old connection": [
        { name: "closes with its next answer", requests: [get("/"), get("/")] },
        {
          name: "may end in the middle of a request",
          requests: ["GET / HT", "TP/1.1\r\nHost: a\r\n\r\n"],
        },
        { name: "ends unheard, when it has said nothing", requests: ["", ""] },
      ],
    },
    exchange: async (proxy, { requests: [first, second] }) => {
      const before = (await proxy.stats(/max_duration_reached$/))[REACHED] ?? 0;
      const socket = net.connect({ port: proxy.port, host: "127.0.0.1", allowHalfOpen: true });
      const peer = new Peer(socket);
      if (first !== "") peer.sends(first);
      const told: string[] = [];
      if (first.endsWith("\r\n\r\n")) told.push(masked((await peer.receivesResponse()).head));
      await eventually("it is old", async () => {
        const now = (await proxy.stats(/max_duration_reached$/))[REACHED] ?? 0;
        return now > before;
      });
      if (second === "") return [...told, await peer.sees("end")];
      peer.sends(second);
      const { head, body } = await peer.receivesResponse();
      socket.destroy();
      return [...told, masked(head), body];
    },
    counters: /^http\.in\.downstream_cx_(max_duration_reached|drain_close|idle_timeout)$/,
  });
});
