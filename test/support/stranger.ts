/**
 * COMMAND outside the mesh that knocks at every port of a namespace's pods, in plain text, with a
 * stranger's certificate and with none, and then asks a real Prometheus, twice:
 * `node stranger.ts PROMETHEUS NAMESPACE PORT,PORT... NAME=QUERY...`. Prints JSON.
 */
import { connect, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import type { PodRow } from "../../src/api/mesh.ts";
import { TestAuthority } from "./certificates.ts";
import { eventually } from "./envoy-process.ts";
import { type Answers, read, ScrapingPrometheus } from "./scraping-prometheus.ts";

/** What came of knocking at one port: nothing, or the bytes that were answered. */
export interface Knock {
  readonly pod: string;
  readonly port: number;
  readonly way: "plain" | "foreign certificate" | "no certificate";
  readonly answer: string;
}

export interface Findings {
  readonly knocks: readonly Knock[];
  readonly before: Answers;
  readonly after: Answers;
}

const PATIENCE_MS = 10_000;
const REQUEST = "GET / HTTP/1.1\r\nHost: ratings\r\nConnection: close\r\n\r\n";
const OFFER = ["istio-http/1.1", "istio"];

const [, , program = "", namespace = "", ports = "", ...queries] = process.argv;
const pods = (
  JSON.parse(await read(`${process.env.OUTRIGGER_CONSOLE}/api/pods`)) as PodRow[]
).filter((pod) => pod.namespace === namespace);
const stranger = await (await TestAuthority.create("stranger")).issue({
  sans: [{ type: "url", value: "spiffe://cluster.local/ns/shop/sa/web" }],
});
const prometheus = await ScrapingPrometheus.start(program, process.env.OUTRIGGER_SD ?? "");
try {
  await prometheus.scrapedAll();
  await eventually("calls are counted", async () => {
    const [calls] = await prometheus.ask('sum(istio_requests_total{reporter="destination"})');
    return (calls?.value ?? 0) > 20;
  });
  const before = await prometheus.askAll(queries);
  const knocks: Knock[] = [];
  for (const { address, name } of pods) {
    for (const port of ports.split(",").map(Number)) {
      knocks.push(...(await knock(name, address, port)));
    }
  }
  await eventually("what was refused is counted", async () => {
    const after = await prometheus.askAll(queries);
    return (
      (after.refused?.[0]?.value ?? 0) - (before.refused?.[0]?.value ?? 0) >= knocks.length / 2
    );
  }).catch(() => undefined);
  const after = await prometheus.askAll(queries);
  process.stderr.write("stranger: done\n");
  process.stdout.write(`${JSON.stringify({ knocks, before, after } satisfies Findings)}\n`);
} finally {
  prometheus.stop();
}

async function knock(pod: string, host: string, port: number): Promise<Knock[]> {
  const pair = { cert: stranger.chain, key: stranger.key };
  const answers = [
    { way: "plain", answer: await answerOf(connect(port, host), "connect") },
    { way: "foreign certificate", answer: await answerOf(secured(host, port, pair)) },
    { way: "no certificate", answer: await answerOf(secured(host, port, {})) },
  ] as const;
  return answers.map(({ answer, way }) => ({ pod, port, way, answer }));
}

function secured(host: string, port: number, more: ConnectionOptions): Socket {
  return connectTls({ host, port, rejectUnauthorized: false, ALPNProtocols: OFFER, ...more });
}

/** What comes back until the other side ends it; a closed door says nothing. */
function answerOf(socket: Socket, ready = "secureConnect"): Promise<string> {
  let answer = "";
  return new Promise((resolve) => {
    const timer = setTimeout(() => socket.destroy(new Error("silence")), PATIENCE_MS);
    socket.on(ready, () => socket.write(REQUEST));
    socket.on("data", (bytes: Buffer) => {
      answer += bytes.toString("latin1");
    });
    socket.on("error", (error) => {
      if (error.message === "silence") answer += "(silence)";
    });
    socket.on("close", () => {
      clearTimeout(timer);
      resolve(answer);
    });
  });
}
