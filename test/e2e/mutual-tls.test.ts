import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import tls from "node:tls";
import { beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { TestAuthority, type TestCertificate } from "../support/certificates.ts";
import {
  type MeshedPair,
  type PairOptions,
  type Plane,
  type PortName,
  startMeshedPair,
} from "../support/meshed-pair.ts";
import { describeWith } from "../support/tools.ts";

const ID = "spiffe://cluster.local/ns/shop/sa/default";

let authority: TestAuthority;
let certificate: TestCertificate;
let foreign: TestCertificate;

beforeAll(async () => {
  const sans = [{ type: "url", value: ID }] as const;
  authority = await TestAuthority.create();
  certificate = await authority.issue({ name: "workload", sans });
  foreign = await (await TestAuthority.create("another")).issue({ name: "workload", sans });
});

async function pairOf(options: Omit<PairOptions, "identity">): Promise<MeshedPair> {
  const pair = await startMeshedPair({ ...options, identity: { authority, certificate } });
  onTestFinished(() => pair.stop());
  return pair;
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

type Place = MeshedPair["door"];

/** Undefined where the connection ends without an answer. */
function ask({ host, ports }: Place, port: PortName): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    const options = { host, port: ports[port], path: "/", headers: { host: "web" }, agent: false };
    const sent = http.get(options, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (text: string) => {
        body += text;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
    sent.on("error", () => resolve(undefined));
  });
}

/** What comes back; empty where the connection ends. Envoy knows TLS by its first five bytes. */
function echo({ host, ports }: Place, connection?: net.Socket): Promise<string> {
  const socket = connection ?? net.connect(ports.tcp, host);
  socket.write("ping-pong");
  return new Promise((resolve) => {
    socket.on("data", (bytes: Buffer) => {
      resolve(bytes.toString());
      socket.destroy();
    });
    socket.on("error", () => resolve(""));
    socket.on("close", () => resolve(""));
  });
}

/** A client of node's own, with the mesh's ALPN ids. */
function tlsTo({ host, ports }: Place, port: PortName, own: TestCertificate | undefined) {
  const socket = tls.connect({
    host,
    port: ports[port],
    ca: authority.pem,
    checkServerIdentity: () => undefined,
    ALPNProtocols: ["istio-peer-exchange", "istio", "istio-http/1.1"],
    ...(own === undefined ? {} : { cert: own.chain, key: own.key }),
  });
  socket.on("error", () => undefined);
  return socket;
}

/** TLS 1.3 shows a refusal after the client's own handshake only. */
async function isRefused(socket: tls.TLSSocket): Promise<boolean> {
  socket.on("secureConnect", () => socket.write("GET / HTTP/1.1\r\nhost: web\r\n\r\n"));
  let answered = false;
  socket.on("data", () => {
    answered = true;
    socket.destroy();
  });
  await new Promise((resolve) => socket.on("close", resolve));
  return !answered;
}

const PLANES: readonly Plane[] = ["outrigger", "envoy"];
const MODES = ["STRICT", "PERMISSIVE", "DISABLE"] as const;
const HTTP_PORTS = ["http", "any"] as const;

function tools(...planes: readonly Plane[]): readonly "envoy"[] {
  return planes.includes("envoy") ? ["envoy"] : [];
}

for (const server of PLANES) {
  for (const client of PLANES) {
    describeWith(tools(server, client), `${client} calls ${server}`, () => {
      it.each(MODES)("under %s, requests and connections alike", async (mode) => {
        const pair = await pairOf({ mode, client, server });
        for (const port of HTTP_PORTS) {
          const answer = await ask(pair.door, port);
          expect(answer, `${port}: ${answer?.body}`).toMatchObject({ status: 200 });
          // Envoy says of a connection what the first request of it will be only to itself.
          const told = client === "outrigger" || port === "http";
          const xfcc =
            mode === "DISABLE" || !told ? undefined : expect.stringContaining(`URI=${ID}`);
          const headers = JSON.parse(answer?.body ?? "{}") as Record<string, string>;
          expect(headers["x-forwarded-client-cert"]).toEqual(xfcc);
        }
        expect(await echo(pair.door)).toBe("ping-pong");
      });
    });
  }
}

describe.each(PLANES)("a pod behind %s", (server) => {
  describeWith(tools(server), "is reached from outside the mesh", () => {
    it("on no port in plaintext, nor by a stranger's certificate, under STRICT", async () => {
      const pair = await pairOf({ mode: "STRICT", client: "outrigger", server });
      for (const port of HTTP_PORTS) expect(await ask(pair.pod, port)).toBeUndefined();
      expect(await echo(pair.pod)).toBe("");
      for (const port of ["http", "tcp", "any"] as const) {
        expect(await isRefused(tlsTo(pair.pod, port, undefined)), `${port}, nobody`).toBe(true);
        expect(await isRefused(tlsTo(pair.pod, port, foreign)), `${port}, foreign`).toBe(true);
        expect(await isRefused(tlsTo(pair.pod, port, certificate)), `${port}, own`).toBe(false);
      }
    });

    it("in plaintext and by mTLS under PERMISSIVE, where TLS of its own is passed on", async () => {
      const pair = await pairOf({ mode: "PERMISSIVE", client: "outrigger", server });
      for (const port of HTTP_PORTS)
        expect(await ask(pair.pod, port)).toMatchObject({ status: 200 });
      expect(await echo(pair.pod)).toBe("ping-pong");
      expect(await isRefused(tlsTo(pair.pod, "http", certificate))).toBe(false);
      expect(await isRefused(tlsTo(pair.pod, "http", undefined))).toBe(true);
      const { host, ports } = pair.pod;
      const hello = net.connect(ports.tcp, host);
      // The origin echoes: what comes back is the client's own hello.
      const own = tls.connect({ socket: hello, checkServerIdentity: () => undefined });
      const [error] = (await once(own, "error")) as [NodeJS.ErrnoException];
      expect(error.code).toMatch(/^ERR_SSL/);
    });

    it("in plaintext alone under DISABLE", async () => {
      const pair = await pairOf({ mode: "DISABLE", client: "outrigger", server });
      for (const port of HTTP_PORTS)
        expect(await ask(pair.pod, port)).toMatchObject({ status: 200 });
      expect(await echo(pair.pod)).toBe("ping-pong");
      expect(await isRefused(tlsTo(pair.pod, "http", certificate))).toBe(true);
    });
  });
});

describe("a request that no policy would let through", () => {
  const rule = `---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: { name: web, namespace: shop }
spec: { host: web, trafficPolicy: { tls: { mode: DISABLE } } }
`;

  it.each([
    {
      what: "a DestinationRule's plaintext",
      more: rule,
      why: /DestinationRule shop\/web \(mesh.yaml:\d+\) says DISABLE/,
    },
    {
      what: "the plaintext of a client without certificate",
      clientIdentity: false,
      why: /this proxy has no certificate/,
    },
  ])("is answered with the policies' names and lines: $what", async ({ why, what: _, ...rest }) => {
    const pair = await pairOf({
      mode: "STRICT",
      client: "outrigger",
      server: "outrigger",
      ...rest,
    });
    const answer = await ask(pair.door, "http");
    expect(answer?.status).toBe(503);
    expect(answer?.body).toMatch(/PeerAuthentication shop\/peers \(mesh.yaml:\d+\) asks for mTLS/);
    expect(answer?.body).toMatch(why);
    expect(await echo(pair.door)).toBe("");
    const stats = await (
      await fetch(`${pair.serverAdmin}/stats?filter=downstream_cx_total`)
    ).text();
    const taken = stats.split("\n").filter((line) => /8080|8081/.test(line));
    expect(taken.filter((line) => !line.endsWith(": 0"))).toEqual([]);
  });

  it("is counted where it comes in plaintext all the same", async () => {
    const pair = await pairOf({ mode: "STRICT", client: "outrigger", server: "outrigger" });
    expect(await ask(pair.pod, "http")).toBeUndefined();
    const stats = await (await fetch(`${pair.serverAdmin}/stats?filter=no_filter_chain`)).text();
    expect(stats).toMatch(/listener.127.0.45.2_8080.no_filter_chain_match: 1/);
  });
});

describe("Istio's metrics of a pod", () => {
  it.each([
    { mode: "STRICT", security: "mutual_tls", principal: ID },
    { mode: "DISABLE", security: "none", principal: "unknown" },
  ] as const)("say how it was reached under $mode", async ({ mode, security, principal }) => {
    const pair = await pairOf({ mode, client: "outrigger", server: "outrigger" });
    expect(await ask(pair.door, "http")).toMatchObject({ status: 200 });
    expect(await echo(pair.door)).toBe("ping-pong");
    const metrics = await (await fetch(`${pair.serverAdmin}/stats/prometheus`)).text();
    for (const name of ["istio_requests_total", "istio_tcp_connections_opened_total"]) {
      const [sample = ""] = metrics.split("\n").filter((line) => line.startsWith(`${name}{`));
      expect(sample).toContain('reporter="destination"');
      expect(sample).toContain(`connection_security_policy="${security}"`);
      expect(sample).toContain(`source_principal="${principal}"`);
      expect(sample).toContain(`destination_principal="${principal}"`);
    }
  });
});
