/** The same file and the same TLS clients through a real Envoy and through Outrigger. */
import { once } from "node:events";
import fs from "node:fs";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import tls, { type ConnectionOptions } from "node:tls";
import { afterAll, beforeAll, expect, it } from "vitest";
import { TestAuthority, type TestCertificate } from "../support/certificates.ts";
import { ProxyUnderTest } from "../support/differential.ts";
import { describeWith } from "../support/tools.ts";

const YAML = fs.readFileSync(new URL("differential-tls.yaml", import.meta.url), "utf8");
const DIFFERENCES = fs.readFileSync(new URL("../../docs/differences.md", import.meta.url), "utf8");
const MESH = "spiffe://mesh/ns/default/sa/client";

/** What both must have counted alike after all of it. */
const COUNTERS = new RegExp(
  [
    /\.ssl\.(handshake|session_reused|no_certificate|connection_error|fail_verify_\w+)$/,
    /^listener\..+\.ssl\.versions\./,
    /^http\.in\.downstream_cx_ssl_(total|active)$/,
    /^listener\.127\.0\.0\.1_\d+\.no_filter_chain_match$/,
  ]
    .map(({ source }) => source)
    .join("|"),
);

/** What a client comes by. */
interface Outcome {
  /** Undefined where the handshake failed. */
  readonly shown: string | undefined;
  readonly version: string | null | undefined;
  readonly alpn: string | false | null | undefined;
  /** Status line and body of a request; empty where the connection was closed instead. */
  readonly answer: string;
}

let folder: string;
let envoy: ProxyUnderTest;
let outrigger: ProxyUnderTest;
let secure: https.Server;
let plain: http.Server;
const certificates: Record<string, TestCertificate> = {};

describeWith(["envoy"], "Envoy and Outrigger on one file, over TLS", () => {
  beforeAll(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "differential-tls-"));
    await makeCertificates();
    const { one } = certificates;
    const options = { key: one?.key ?? "", cert: one?.chain ?? "", requestCert: true };
    secure = https.createServer({ ...options, rejectUnauthorized: false }, (request, response) => {
      const { servername } = request.socket as tls.TLSSocket & { servername: unknown };
      const shown = (request.socket as tls.TLSSocket).getPeerX509Certificate()?.subject;
      response.end(`${request.url} of ${servername} by ${shown}`);
    });
    plain = http.createServer((_, response) => response.end("plain"));
    const ports = { SECURE: await listen(secure), PLAIN: await listen(plain) };
    const yaml = YAML.replaceAll("$DIR", folder);
    envoy = await ProxyUnderTest.start("envoy", yaml, ports);
    outrigger = await ProxyUnderTest.start("outrigger", yaml, ports);
  });

  afterAll(async () => {
    await envoy?.stop();
    await outrigger?.stop();
    for (const server of [secure, plain]) {
      server?.close();
      server?.closeAllConnections();
    }
    fs.rmSync(folder, { recursive: true });
  });

  it.each<{ readonly name: string; readonly by?: string; readonly options: ConnectionOptions }>([
    { name: "an exact name", options: { servername: "one.example" } },
    { name: "a wildcard", options: { servername: "two.example" } },
    { name: "a name of another case", options: { servername: "ONE.example" } },
    { name: "an unknown name", options: { servername: "elsewhere" } },
    { name: "no name", options: {} },
    { name: "TLS that passes", options: { servername: "pass.through" } },
    {
      name: "ALPN h2",
      options: { servername: "one.example", ALPNProtocols: ["http/1.1", "h2"] },
    },
    {
      name: "ALPN with nothing in common",
      options: { servername: "one.example", ALPNProtocols: ["foo"] },
    },
    {
      name: "ALPN where none is used",
      options: { servername: "two.example", ALPNProtocols: ["h2"] },
    },
    { name: "TLS 1.2", options: { servername: "one.example", maxVersion: "TLSv1.2" } },
    {
      name: "TLS 1.3 where 1.2 is the last",
      options: { servername: "two.example", minVersion: "TLSv1.3" },
    },
    { name: "a certificate", by: "mesh", options: { servername: "one.example" } },
    { name: "a stranger's certificate", by: "stranger", options: { servername: "one.example" } },
    { name: "an expired certificate", by: "expired", options: { servername: "one.example" } },
    { name: "a server's certificate", by: "server", options: { servername: "one.example" } },
    {
      name: "a strict chain with a certificate",
      by: "mesh",
      options: { servername: "strict.example" },
    },
    {
      name: "a strict chain with another name",
      by: "one",
      options: { servername: "strict.example" },
    },
    { name: "a strict chain without certificate", options: { servername: "strict.example" } },
  ])("$name", async ({ by, options }) => {
    const shown = by === undefined ? undefined : certificates[by];
    const all = shown === undefined ? options : { ...options, cert: shown.chain, key: shown.key };
    expect(await shake(outrigger, all)).toEqual(await shake(envoy, all));
  });

  it.each(["TLSv1.2", "TLSv1.3"] as const)("a session that is resumed, %s", async (maxVersion) => {
    const { chain: cert, key } = certificates.mesh ?? { chain: "", key: "" };
    const options = { servername: "one.example", maxVersion, cert, key };
    expect(await resumes(outrigger, options)).toBe(await resumes(envoy, options));
  });

  it("resumes nothing without tickets, also where Envoy keeps sessions itself", async () => {
    const { chain: cert, key } = certificates.mesh ?? { chain: "", key: "" };
    const options = { servername: "strict.example", cert, key };
    expect(await resumes(outrigger, { ...options, maxVersion: "TLSv1.3" })).toBe(false);
    expect(await resumes(envoy, { ...options, maxVersion: "TLSv1.3" })).toBe(false);
    expect(DIFFERENCES).toContain("\n### Sessions are resumed by tickets alone\n");
  });

  it.each(["/", "/stranger", "/name", "/plain"])("a cluster at %s", async (target) => {
    const options = { servername: "one.example" };
    const wanted = await shake(envoy, options, target);
    expect(await shake(outrigger, options, target)).toEqual(wanted);
    expect(wanted.answer).not.toBe("");
  });

  it("plain bytes", async () => {
    const answers = [envoy, outrigger].map(async ({ port }) => {
      const socket = net.connect(port, "127.0.0.1");
      return answerOf(socket, "/");
    });
    const [wanted, found] = await Promise.all(answers);
    expect(found).toBe(wanted);
    expect(found).toContain("200 OK");
  });

  it("counts alike", async () => {
    const counted = async (proxy: ProxyUnderTest): Promise<Record<string, number>> => {
      const found = Object.entries(await proxy.stats(COUNTERS));
      return Object.fromEntries(
        found.map(([name, value]) => [name.replace(String(proxy.port), "PORT"), value]),
      );
    };
    const wanted = await counted(envoy);
    await expect.poll(() => counted(outrigger)).toEqual(wanted);
  });

  it("demands a certificate without an authority too, where Envoy waives it", async () => {
    const { chain: cert, key } = certificates.stranger ?? { chain: "", key: "" };
    const options = { servername: "demanding.example" };
    expect((await shake(outrigger, options)).answer).toBe("");
    expect((await shake(envoy, options)).answer).toContain("200 OK");
    expect((await shake(outrigger, { ...options, cert, key })).answer).toContain("200 OK");
    expect(DIFFERENCES).toContain("\n### A demanded certificate is demanded\n");
  });
});

async function makeCertificates(): Promise<void> {
  const authority = await TestAuthority.create();
  const stranger = await TestAuthority.create("stranger");
  certificates.one = await authority.issue({
    name: "one",
    sans: [{ type: "dns", value: "one.example" }],
  });
  certificates.other = await authority.issue({ name: "other", key: "rsa" });
  certificates.mesh = await authority.issue({ name: "mesh", sans: [{ type: "url", value: MESH }] });
  certificates.expired = await authority.issue({ name: "expired", days: -1 });
  certificates.server = await authority.issue({ name: "server", usage: "server" });
  certificates.stranger = await stranger.issue({ name: "stranger" });
  fs.writeFileSync(path.join(folder, "ca.crt"), authority.pem);
  fs.writeFileSync(path.join(folder, "stranger.crt"), stranger.pem);
  for (const name of ["one", "other"]) {
    fs.writeFileSync(path.join(folder, `${name}.crt`), certificates[name]?.chain ?? "");
    fs.writeFileSync(path.join(folder, `${name}.key`), certificates[name]?.key ?? "");
  }
}

async function listen(server: net.Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** One connection, and a request where it is HTTP/1.1. */
async function shake(
  proxy: ProxyUnderTest,
  options: ConnectionOptions,
  target = "/",
): Promise<Outcome> {
  const socket = tls.connect({
    host: "127.0.0.1",
    port: proxy.port,
    rejectUnauthorized: false,
    ...options,
  });
  const secured = await new Promise<boolean>((resolve) => {
    socket.once("secureConnect", () => resolve(true));
    socket.on("error", () => undefined);
    socket.once("close", () => resolve(false));
  });
  if (!secured) return { shown: undefined, version: undefined, alpn: undefined, answer: "" };
  const shown = socket.getPeerX509Certificate()?.subject;
  const version = socket.getProtocol();
  const alpn = socket.alpnProtocol;
  if (alpn === "h2") socket.destroy();
  const answer = alpn === "h2" ? "" : await answerOf(socket, target);
  return { shown, version, alpn, answer };
}

/** The status line and the body; empty where the connection is closed before. */
async function answerOf(socket: net.Socket, target: string): Promise<string> {
  let text = "";
  socket.on("error", () => undefined);
  socket.on("data", (bytes) => {
    text += String(bytes);
  });
  socket.write(`GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  await new Promise<void>((resolve) => socket.once("close", () => resolve()));
  const [head = "", body = ""] = text.split("\r\n\r\n");
  return text === "" ? "" : `${head.split("\r\n")[0]} ${body}`;
}

/** Whether a second connection resumes the session of a first. */
async function resumes(proxy: ProxyUnderTest, options: ConnectionOptions): Promise<boolean> {
  let session: Buffer | undefined;
  const all = { host: "127.0.0.1", port: proxy.port, rejectUnauthorized: false, ...options };
  const first = tls.connect(all);
  first.on("session", (bytes) => {
    session = bytes;
  });
  await answerOf(first, "/");
  const second = tls.connect(session === undefined ? all : { ...all, session });
  await once(second, "secureConnect");
  const reused = second.isSessionReused();
  await answerOf(second, "/");
  return reused;
}
