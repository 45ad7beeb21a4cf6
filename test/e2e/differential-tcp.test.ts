/** The same file and the same raw TCP through a real Envoy and through Outrigger. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeHeader } from "../../src/codec/proxy-protocol/header-writer.ts";
import { helloOf } from "../support/client-hello.ts";
import { RawOrigins, RawProxy } from "../support/differential-tcp.ts";
import { eventually } from "../support/envoy-process.ts";
import { farewell, joined, leads, named, refused, type Script } from "../support/raw-scripts.ts";
import { describeWith } from "../support/tools.ts";

const YAML = fs.readFileSync(new URL("differential-tcp.yaml", import.meta.url), "utf8");
const DIFFERENCES = fs.readFileSync(new URL("../../docs/differences.md", import.meta.url), "utf8");

/** What both must have counted alike after all of it. */
const COUNTERS = new RegExp(
  [
    /^tcp\..+\.(downstream_cx_(total|no_route|[rt]x_bytes_total)|idle_timeout)$/,
    /^tcp\..+\.max_downstream_connection_duration$/,
    /^cluster\.(?!half).+\.upstream_cx_(total|active|destroy|overflow|none_healthy)$/,
    /^cluster\.(?!half).+\.upstream_cx_(destroy_\w+|connect_(fail|timeout|attempts_exceeded))$/,
    /^cluster\.(?!half).+\.upstream_cx_([rt]x_bytes_total|idle_timeout)$/,
    /^cluster\.(?!half).+\.upstream_rq_(total|active|cancelled|pending_\w+)$/,
    /^listener\..+_[A-Z]+\.downstream_(pre_cx_\w+|listener_filter_\w+|cx_(total|active))$/,
    /^listener\..+_[A-Z]+\.no_filter_chain_match$/,
    /^tls_inspector\.(?!bytes_processed)/,
    /^http_inspector\./,
    /^(downstream_cx_proxy_proto_error$|proxy_proto\.)/,
  ]
    .map(({ source }) => source)
    .join("|"),
);

const AFAR = {
  sourceIp: Uint8Array.of(198, 51, 100, 7),
  sourcePort: 4711,
  destinationIp: Uint8Array.of(203, 0, 113, 9),
  destinationPort: 443,
};

function header(version: "v1" | "v2", more: Partial<typeof AFAR> = {}): string {
  return writeHeader(version, { ...AFAR, ...more }).toString("latin1");
}

const LOCAL = writeHeader("v2", undefined).toString("latin1");
const HTTP = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

let folder: string;
let origins: RawOrigins;
let envoy: RawProxy;
let outrigger: RawProxy;
const hellos: Record<string, string> = {};

interface Case {
  readonly name: string;
  readonly run: Script;
  /** A heading of docs/differences.md, where the two differ. */
  readonly difference?: string;
}

const ENDINGS: readonly Case[] = [
  {
    name: "the client ends, then the origin",
    run: async (proxy) => {
      const { client, upstream } = await joined(proxy, "plain", "hi");
      client.socket.end();
      const first = await upstream.ends();
      upstream.sends("late");
      upstream.socket.end();
      return [first, await client.ends()];
    },
  },
  {
    name: "the origin ends, then the client",
    run: async (proxy) => {
      const { client, upstream } = await joined(proxy, "plain", "hi");
      upstream.socket.end();
      const first = await client.ends();
      client.sends("late");
      client.socket.end();
      return [first, await upstream.receives(4), await upstream.ends()];
    },
  },
  {
    name: "the server speaks first",
    run: async (proxy) => {
      const client = await proxy.client("plain");
      const { peer } = await proxy.origins.next();
      peer.sends("welcome");
      const said = await client.receives(7);
      return [said, await farewell(client, peer)];
    },
  },
  {
    name: "the client resets",
    run: async (proxy) => {
      const { client, upstream } = await joined(proxy, "plain", "hi");
      client.socket.resetAndDestroy();
      return upstream.ends();
    },
  },
  {
    name: "the origin resets",
    run: async (proxy) => {
      const { client, upstream } = await joined(proxy, "plain", "hi");
      upstream.socket.resetAndDestroy();
      return client.ends();
    },
  },
  {
    name: "the origin resets behind the client's end",
    run: async (proxy) => {
      const { client, upstream } = await joined(proxy, "plain", "hi");
      client.socket.end();
      const first = await upstream.ends();
      upstream.socket.resetAndDestroy();
      return [first, await client.ends()];
    },
  },
  {
    name: "much goes both ways",
    run: async (proxy) => {
      const { client, upstream } = await joined(proxy, "plain", "hi");
      const much = "0123456789".repeat(200_000);
      client.sends(much);
      upstream.sends(much);
      const [there, back] = [upstream.receives(much.length), client.receives(much.length)];
      const whole = [(await there) === much, (await back) === much];
      return [whole, await farewell(client, upstream)];
    },
  },
  { name: "nobody can be reached", run: refused("retried") },
  { name: "there is nobody", run: refused("empty") },
  { name: "no more connections are allowed", run: refused("full") },
  { name: "nobody may wait", run: refused("impatient") },
  ...["brief", "idle"].map((listener) => ({
    name: `it has been ${listener}`,
    run: async (proxy: RawProxy) => {
      const { client, upstream } = await joined(proxy, listener, "hi");
      return [await client.ends(), await upstream.ends()];
    },
  })),
  {
    name: "both of two clusters get their share",
    run: async (proxy) => {
      const names = new Set<string>();
      for (let i = 0; i < 30; i++) {
        const { client, name, upstream } = await joined(proxy, "split", "hi");
        names.add(name);
        await farewell(client, upstream);
      }
      return [...names].sort();
    },
  },
];

/** A hello by its name in `hellos`, which are made before the tests run. */
function says(listener: string, hello: string, change = (text: string): string => text): Script {
  return (proxy) => leads(listener, change(hellos[hello] ?? ""))(proxy);
}

/** A name of as many letters in the place of `a.example`. */
function called(name: string): (hello: string) => string {
  return (hello) => hello.replace("a.example", name);
}

const NAMES: readonly Case[] = [
  { name: "an exact name", run: says("names", "exact") },
  { name: "a name of another case", run: says("names", "exact", called("A.ExAMPLE")) },
  { name: "a wildcard's", run: says("names", "wildcard") },
  { name: "a name below a wildcard's", run: says("names", "deep") },
  { name: "a NUL in it", run: says("names", "exact", called("a\0example")) },
  { name: "plain bytes", run: leads("names", HTTP) },
  {
    name: "a hello that is broken",
    run: says("names", "exact", (text) => text.slice(0, 9).padEnd(text.length, "\xff")),
  },
  {
    name: "byte by byte",
    run: async (proxy) => {
      const client = await proxy.client("names");
      const hello = hellos.exact ?? "";
      await client.sendsSlowly(hello);
      const { name, peer } = await proxy.origins.next();
      const whole = (await peer.receives(hello.length)) === hello;
      return [name, whole, await farewell(client, peer)];
    },
  },
];

const NOBODYS: readonly Case[] = [
  { name: "a name that no chain has", run: (proxy) => refused("names", hellos.other)(proxy) },
  { name: "no name", run: (proxy) => refused("names", hellos.nameless)(proxy) },
  {
    name: "an address",
    run: (proxy) => refused("names", called("127.0.0.1")(hellos.exact ?? ""))(proxy),
  },
  {
    name: "`__proto__`",
    run: (proxy) => refused("names", called("__proto__")(hellos.exact ?? ""))(proxy),
  },
  {
    name: "a hello that is too long",
    run: refused("names", `\x16\x03\x01\x3f\xff\x01\x00\xff\xff${"a".repeat(17_000)}`),
  },
  {
    name: "half a hello",
    run: (proxy) => refused("names", hellos.exact?.slice(0, 40), true)(proxy),
  },
  { name: "nothing at all", run: refused("names", "", true) },
  { name: "silence", run: refused("waits") },
  { name: "half a hello, and silence", run: refused("waits", "\x16\x03") },
  { name: "what a chain for TLS has not asked for", run: refused("waits", HTTP) },
];

const PROTOCOLS: readonly Case[] = [
  { name: "HTTP/1.1", run: leads("protocols", HTTP) },
  { name: "HTTP/1.0", run: leads("protocols", "GET / HTTP/1.0\r\n\r\n") },
  { name: "HTTP/2's preface", run: leads("protocols", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") },
  { name: "TLS with h2", run: says("protocols", "h2") },
  { name: "TLS without ALPN", run: says("protocols", "exact") },
  { name: "Redis", run: leads("protocols", "*1\r\n$4\r\nPING\r\n") },
  { name: "SSH", run: leads("protocols", "SSH-2.0-OpenSSH_10\r\n") },
  { name: "SMTP", run: leads("protocols", "EHLO example\r\n") },
  {
    name: "a server that speaks first, after the time to inspect",
    run: async (proxy) => {
      const client = await proxy.client("protocols");
      const { name, peer } = await proxy.origins.next();
      peer.sends("welcome");
      const said = await client.receives(7);
      return [name, said, await farewell(client, peer)];
    },
  },
];

const SOURCES: readonly Case[] = [
  { name: "an address", run: leads("sources", "x", "127.0.0.2") },
  { name: "a range", run: leads("sources", "x", "127.0.0.3") },
  { name: "what is in none", run: leads("sources", "x") },
  { name: "this machine", run: leads("kinds", "x") },
  { name: "elsewhere, before a range", run: leads("kinds", "x", "127.0.0.2") },
];

const HEADERS: readonly Case[] = [
  { name: "version 1", run: named("headed", header("v1", { destinationPort: 80 }), "DATA") },
  { name: "version 2", run: named("headed", header("v2", { destinationPort: 80 }), "DATA") },
  { name: "the sender's own", run: named("headed", LOCAL, "DATA") },
  { name: "UNKNOWN", run: named("headed", "PROXY UNKNOWN\r\n", "DATA") },
  { name: "none", run: refused("headed", HTTP) },
  { name: "none where none is needed", run: named("lenient", "", HTTP) },
  { name: "another version where none is needed", run: named("lenient", header("v1"), "DATA") },
  { name: "version 2 where none is needed", run: named("lenient", header("v2"), "DATA") },
  { name: "a version that is not allowed", run: refused("modern", `${header("v1")}DATA`) },
  { name: "a malformed line", run: refused("headed", "PROXY TCP4 1.2.3.4 ::1 1 2\r\nDATA") },
  { name: "a multicast source", run: refused("headed", "PROXY TCP4 224.0.0.1 1.2.3.4 1 2\r\n") },
  { name: "a line without end", run: refused("headed", `PROXY UNKNOWN ${"x".repeat(94)}\r\n`) },
  {
    name: "a malformed header",
    run: refused("headed", `${header("v2").slice(0, 12)}\x31\x11\0\0`),
  },
  { name: "the chain of its source", run: leadsHeaded({}) },
  { name: "the chain of its kind of source", run: leadsHeaded({ destinationPort: 444 }) },
  { name: "towards a cluster, in words", run: named("line", "", "DATA") },
  { name: "towards a cluster, in bytes", run: named("binary", "", "DATA") },
  { name: "passed on in words", run: named("line", header("v2"), "DATA") },
  { name: "passed on in bytes", run: named("binary", header("v1"), "DATA") },
];

/** After all counters have been compared. */
const DIFFERENT: readonly Case[] = [
  {
    name: "a port with a sign",
    run: servedOrGone("headed", "PROXY TCP4 192.0.2.1 5.6.7.8 +1 2\r\n"),
    difference: "A PROXY protocol line is read to the letter",
  },
  {
    name: "half a request, and no more",
    run: servedOrGone("protocols", "GE", true),
    difference: "A client that ends early may have said all",
  },
];

/** Whether anybody gets the connection; `ends`: after these bytes the client sends no more. */
function servedOrGone(listener: string, first: string, ends = false): Script {
  return async (proxy) => {
    const client = await proxy.client(listener);
    client.sends(first);
    if (ends) client.socket.end();
    await eventually("an answer", async () => client.isOver || proxy.origins.left > 0);
    if (proxy.origins.left === 0) return "gone";
    const { peer } = await proxy.origins.next();
    await farewell(client, peer);
    return "served";
  };
}

/** Which origin gets a connection whose header says so. */
function leadsHeaded(more: Partial<typeof AFAR>): Script {
  return async (proxy) => {
    const client = await proxy.client("headed");
    client.sends(`${header("v1", more)}DATA`);
    const { name, peer } = await proxy.origins.next();
    const received = await peer.receives(4);
    return [name, received, await farewell(client, peer)];
  };
}

describeWith(["envoy"], "Envoy and Outrigger on one file, over raw TCP", () => {
  beforeAll(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "differential-tcp-"));
    const made = {
      exact: { servername: "a.example" },
      wildcard: { servername: "b.example" },
      deep: { servername: "x.y.example" },
      other: { servername: "elsewhere" },
      nameless: {},
      h2: { servername: "a.example", ALPNProtocols: ["h2", "http/1.1"] },
    };
    for (const [name, options] of Object.entries(made)) {
      hellos[name] = (await helloOf(options)).toString("latin1");
    }
    origins = await RawOrigins.start(["A", "B", "C"]);
    const yaml = YAML.replaceAll("$REFUSED", "1");
    envoy = await RawProxy.start("envoy", yaml, origins, path.join(folder, "envoy.log"));
    outrigger = await RawProxy.start("outrigger", yaml, origins, path.join(folder, "our.log"));
  });

  afterAll(() => {
    origins?.stop();
    fs.rmSync(folder, { recursive: true });
  });

  describe.each([
    ["how connections end", ENDINGS],
    ["the name in a hello", NAMES],
    ["what leads nowhere", NOBODYS],
    ["the first bytes", PROTOCOLS],
    ["the source", SOURCES],
    ["the PROXY protocol", HEADERS],
  ])("%s", (_, cases) => {
    it.each(cases)("$name", async ({ run }) => {
      const wanted = await run(envoy);
      expect(await run(outrigger)).toEqual(wanted);
    });
  });

  it("counts alike", async () => {
    const wanted = await envoy.stats(COUNTERS);
    await expect.poll(() => outrigger.stats(COUNTERS)).toEqual(wanted);
  });

  it.each(DIFFERENT)("$name is not the same to both", async ({ difference, run }) => {
    // Mended? Then it leaves the list.
    expect(await run(outrigger)).not.toEqual(await run(envoy));
    expect(DIFFERENCES).toContain(`\n### ${difference}\n`);
  });

  it("logs alike", async () => {
    const alike = (line: string): boolean => !line.includes("from=192.0.2.1");
    const wanted = (await envoy.stop()).filter(alike);
    const found = (await outrigger.stop()).filter(alike);
    expect(wanted.length).toBeGreaterThan(30);
    expect(found).toEqual(wanted);
  });
});
