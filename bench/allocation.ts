/**
 * Heap bytes a request: what the proxy's own code allocates on the way of a request and its answer,
 * with sockets that have no kernel behind them. Fails where it is more than the bound.
 *
 * `npm run bench -- allocation` runs it, with --expose-gc.
 */
import { setImmediate as turn } from "node:timers/promises";
import v8 from "node:v8";
import { CarriedTraffic } from "./allocation/carried-traffic.ts";
import { accept, replaceNet, replaceTls } from "./allocation/fake-net.ts";
import { Http1Traffic } from "./allocation/http1-traffic.ts";
import { Http2Traffic } from "./allocation/http2-traffic.ts";
import type { Traffic } from "./allocation/traffic.ts";
import { writeCertificates } from "./contender/certificates.ts";
import { configText } from "./contender/sidecar.ts";
import { Stage } from "./stage.ts";

const REQUESTS = 100_000;
const WARM_UP_REQUESTS = 30_000;
/** At once: a turn of the event loop, and what it allocates, is shared by so many. */
const AT_ONCE = 64;
const TURNS_MAX = 1_000_000;

interface Case {
  readonly title: string;
  readonly config: string;
  readonly traffic: () => Traffic;
  /** Strings of heads above all: what is written is made anew for each request. */
  readonly bytesMax: number;
}

const CASES: readonly Case[] = [
  {
    title: "HTTP/1.1, one hop",
    config: "one-hop.yaml",
    traffic: () => new Http1Traffic(),
    bytesMax: 3200,
  },
  {
    title: "HTTP/2, one hop",
    config: "http2.yaml",
    traffic: () => new Http2Traffic(),
    bytesMax: 1400,
  },
  {
    title: "HTTP/1.1 carried to another sidecar",
    config: "pair-outbound-h1.yaml",
    traffic: () => new CarriedTraffic(),
    bytesMax: 2700,
  },
];

/** Whether so many have been answered before the turns ran out. */
async function pass(traffic: Traffic, requests: number): Promise<void> {
  const wanted = traffic.answered + requests;
  for (let turns = 0; traffic.answered < wanted; turns++) {
    if (turns > TURNS_MAX) throw new Error(`only ${traffic.answered} requests were answered`);
    traffic.ask();
    await turn();
    traffic.answer();
    await turn();
  }
}

function allocatedBytes(): number {
  return v8.getHeapStatistics().total_allocated_bytes;
}

async function bytesARequest(
  { config, traffic: make }: Case,
  certificate: string,
): Promise<number> {
  const traffic = make();
  replaceNet(() => traffic.connectOrigin());
  replaceTls(() => traffic.connectOrigin(), certificate);
  const { readBootstrap } = await import("../src/proxy/bootstrap.ts");
  const { startProxy } = await import("../src/proxy/main.ts");
  const { bootstrap, diagnostics } = readBootstrap(configText(config, {}), config);
  if (bootstrap === undefined)
    throw new Error(diagnostics.map(({ message }) => message).join("; "));
  const proxy = await startProxy({ bootstrap });
  try {
    traffic.connectClients(AT_ONCE, accept);
    await pass(traffic, WARM_UP_REQUESTS);
    globalThis.gc?.();
    const before = allocatedBytes();
    const answeredBefore = traffic.answered;
    await pass(traffic, REQUESTS);
    return (allocatedBytes() - before) / (traffic.answered - answeredBefore);
  } finally {
    await proxy.stop(0);
  }
}

/** Certificates are files of the folder that the configuration is read in. */
const stage = new Stage({ seconds: 0, quick: true });
process.chdir(stage.folder);
const certificate = await writeCertificates(stage);
let failed = false;
for (const one of CASES) {
  try {
    const bytes = await bytesARequest(one, certificate);
    const met = bytes <= one.bytesMax;
    failed ||= !met;
    const verdict = `at most ${one.bytesMax}, ${met ? "met" : "MISSED"}`;
    console.log(`${one.title}: ${bytes.toFixed(0)} heap bytes a request; ${verdict}`);
  } catch (error) {
    failed = true;
    console.log(`${one.title}: did not run: ${error instanceof Error ? error.stack : error}`);
  }
}
await stage.end();
process.exit(failed ? 1 : 0);
