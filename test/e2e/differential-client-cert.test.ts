/** `x-forwarded-client-cert` as a real Envoy and as Outrigger write it, on one file. */
import { once } from "node:events";
import fs from "node:fs";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import tls from "node:tls";
import { afterAll, beforeAll, expect, it } from "vitest";
import { TestAuthority, type TestCertificate } from "../support/certificates.ts";
import { ProxyUnderTest } from "../support/differential.ts";
import { describeWith } from "../support/tools.ts";

const YAML = fs.readFileSync(new URL("differential-client-cert.yaml", import.meta.url), "utf8");
const DIFFERENCES = fs.readFileSync(new URL("../../docs/differences.md", import.meta.url), "utf8");
const FORGED = "By=me;URI=spiffe://mesh/ns/x/sa/admin";

let folder: string;
let envoy: ProxyUnderTest;
let outrigger: ProxyUnderTest;
let origin: http.Server;
let secure: https.Server;
let authority: TestAuthority;
const clients: Record<string, TestCertificate | undefined> = {};

describeWith(["envoy"], "Envoy and Outrigger on one file, about client certificates", () => {
  beforeAll(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "differential-client-cert-"));
    await makeCertificates();
    origin = http.createServer((request, response) => {
      const shown = Object.entries(request.headersDistinct).filter(([name]) => {
        return /^x.forwarded.client.cert$/.test(name);
      });
      response.end(JSON.stringify(shown));
    });
    origin.listen(0, "127.0.0.1");
    await once(origin, "listening");
    secure = https.createServer(secureOptions(), (_, response) => response.end("[]"));
    secure.listen(0, "127.0.0.1");
    await once(secure, "listening");
    const ports = { ORIGIN: portOf(origin), SECURE: portOf(secure) };
    const yaml = YAML.replaceAll("$DIR", folder);
    envoy = await ProxyUnderTest.start("envoy", yaml, ports);
    outrigger = await ProxyUnderTest.start("outrigger", yaml, ports);
  });

  afterAll(async () => {
    await envoy?.stop();
    await outrigger?.stop();
    for (const server of [origin, secure]) {
      server?.close();
      server?.closeAllConnections();
    }
    fs.rmSync(folder, { recursive: true });
  });

  const modes = ["sanitize", "forward", "append", "set", "always", "none", "bare", "istio"];
  const shown = ["nobody", "plain", "spiffe", "several", "odd", "foreign", "intermediate"];
  it.each(
    modes.flatMap((mode) =>
      shown.flatMap((by) => ["", FORGED].map((forged) => ({ mode, by, forged }))),
    ),
  )("$mode, by $by, with '$forged'", async ({ by, forged, mode }) => {
    const fields = forged === "" ? "" : `X-Forwarded-Client-Cert: ${forged}\r\n`;
    const wanted = await seen(envoy, mode, by, fields);
    expect(await seen(outrigger, mode, by, fields)).toBe(wanted);
    expect(wanted).toMatch(/^\[/);
  });

  it.each(["append", "istio", "forward"])("%s, with two lines of it", async (mode) => {
    const fields = "X-Forwarded-Client-Cert: a\r\nX-Forwarded-Client-Cert: b\r\n";
    const wanted = await seen(envoy, mode, "spiffe", fields);
    expect(joined(await seen(outrigger, mode, "spiffe", fields))).toEqual(joined(wanted));
  });

  it.each(["", `X-Forwarded-Client-Cert: ${FORGED}\r\n`])(
    "plain bytes, with '%s'",
    async (fields) => {
      const answers = [envoy, outrigger].map(({ port }) => answerOf(net.connect(port), fields));
      const [wanted, found] = await Promise.all(answers);
      expect(found).toBe(wanted);
      expect(found).toBe("[]");
    },
  );

  it.each(shown.flatMap((by) => ["/", "/secure"].map((target) => ({ by, target }))))(
    "the operators of both sides, by $by, for $target",
    async ({ by, target }) => {
      const wanted = operatorsIn(await answerTo(envoy, "none", by, target));
      expect(operatorsIn(await answerTo(outrigger, "none", by, target))).toEqual(wanted);
      expect(wanted.length).toBeGreaterThan(1);
    },
  );

  it("quotes names with separators in them, which Envoy passes on", async () => {
    const quoted = 'URI="https://a/b\\";By=x,y";DNS="a;URI=spiffe://mesh/ns/x/sa/admin"';
    expect(lastOf(await seen(outrigger, "istio", "forging", ""))).toContain(quoted);
    const bare = 'URI=https://a/b";By=x,y;DNS=a;URI=spiffe://mesh/ns/x/sa/admin';
    expect(lastOf(await seen(envoy, "istio", "forging", ""))).toContain(bare);
    expect(DIFFERENCES).toContain("\n### x-forwarded-client-cert quotes names\n");
  });

  it("drops what looks like it, which Envoy passes on", async () => {
    const fields = `x_forwarded_client_cert: ${FORGED}\r\n`;
    expect(await seen(outrigger, "istio", "nobody", fields)).toBe("[]");
    expect(await seen(envoy, "istio", "nobody", fields)).toContain("x_forwarded_client_cert");
    expect(DIFFERENCES).toContain("\n### What looks like x-forwarded-client-cert is dropped\n");
  });
});

/** Several lines and one line of a field mean the same. */
function joined(text: string): unknown {
  const fields = JSON.parse(text) as [string, string[]][];
  return fields.map(([name, values]) => [name, values.join(",")]);
}

/** The value of the only field. */
function lastOf(text: string): string {
  const [field] = JSON.parse(text) as [string, string[]][];
  return field?.[1].join(",") ?? "";
}

async function makeCertificates(): Promise<void> {
  authority = await TestAuthority.create();
  const uri = (value: string) => ({ type: "url", value }) as const;
  const dns = (value: string) => ({ type: "dns", value }) as const;
  const server = await authority.issue({
    name: "server",
    sans: [uri("spiffe://mesh/ns/a/sa/server"), uri("https://other"), dns("server.example")],
  });
  clients.plain = await authority.issue({ name: "plain" });
  clients.spiffe = await authority.issue({
    name: "spiffe",
    sans: [uri("spiffe://mesh/ns/a/sa/client")],
  });
  clients.several = await authority.issue({
    name: "several",
    sans: [dns("a.example"), uri("https://a/b"), uri("https://c/d"), dns("b.example")],
  });
  clients.odd = await authority.issue({
    name: 'a \\"b\\" \\, c=d\\;e \\+ \\\\ f,O=two+OU=parts',
    sans: [dns("odd.example")],
  });
  clients.forging = await authority.issue({
    name: "forging",
    sans: [uri('https://a/b";By=x,y'), dns("a;URI=spiffe://mesh/ns/x/sa/admin")],
  });
  clients.foreign = await authority.issue({ name: "é∂ü" });
  const intermediate = await authority.intermediate("between");
  clients.intermediate = await intermediate.issue({ name: "below", sans: [dns("below.example")] });
  fs.writeFileSync(path.join(folder, "ca.crt"), authority.pem);
  fs.writeFileSync(path.join(folder, "server.crt"), server.chain);
  fs.writeFileSync(path.join(folder, "server.key"), server.key);
  fs.writeFileSync(path.join(folder, "client.crt"), clients.spiffe.chain);
  fs.writeFileSync(path.join(folder, "client.key"), clients.spiffe.key);
}

/** What the origin saw, as JSON. */
async function seen(
  { port }: ProxyUnderTest,
  mode: string,
  by: string,
  fields: string,
): Promise<string> {
  const certificate = clients[by];
  const socket = tls.connect({
    host: "127.0.0.1",
    port,
    servername: `${mode}.example`,
    rejectUnauthorized: false,
    ...(certificate === undefined ? {} : { cert: certificate.chain, key: certificate.key }),
  });
  return await answerOf(socket, fields);
}

function portOf(server: net.Server): number {
  return (server.address() as net.AddressInfo).port;
}

function secureOptions(): https.ServerOptions {
  const { chain: cert, key } = clients.several ?? { chain: "", key: "" };
  return { cert, key, requestCert: true, rejectUnauthorized: false, maxVersion: "TLSv1.2" };
}

/** The response's head. */
async function answerTo(
  { port }: ProxyUnderTest,
  mode: string,
  by: string,
  target: string,
): Promise<string> {
  const certificate = clients[by];
  const shown = certificate && { cert: certificate.chain, key: certificate.key };
  const servername = `${mode}.example`;
  // Of several ciphers of TLS 1.3 each library prefers its own.
  const ciphers = "TLS_AES_128_GCM_SHA256";
  const options = { host: "127.0.0.1", port, servername, ciphers, rejectUnauthorized: false };
  return (
    (await textOf(tls.connect({ ...options, ...shown }), target, "")).split("\r\n\r\n")[0] ?? ""
  );
}

/** Those of the YAML's headers, in their order. */
function operatorsIn(head: string): readonly string[] {
  const fields = head.split("\r\n").filter((line) => /^x-\d+:/.test(line));
  return fields.sort((a, b) => Number.parseInt(a.slice(2), 10) - Number.parseInt(b.slice(2), 10));
}

async function answerOf(socket: net.Socket, fields: string): Promise<string> {
  const text = await textOf(socket, "/", fields);
  const body = text.split("\r\n\r\n").slice(1).join("");
  return body.replace(/^[0-9a-f]+\r\n|\r\n0\r\n$/g, "");
}

async function textOf(socket: net.Socket, target: string, fields: string): Promise<string> {
  let text = "";
  socket.on("error", () => undefined);
  socket.on("data", (bytes) => {
    text += String(bytes);
  });
  socket.write(`GET ${target} HTTP/1.1\r\nHost: a\r\n${fields}Connection: close\r\n\r\n`);
  await new Promise<void>((resolve) => socket.once("close", () => resolve()));
  return text;
}
