/** The same files of secrets, and the same changes of them, through a real Envoy and Outrigger. */
import { once } from "node:events";
import fs from "node:fs";
import https from "node:https";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import tls from "node:tls";
import { afterAll, beforeAll, expect, it } from "vitest";
import { TestAuthority, type TestCertificate } from "../support/certificates.ts";
import { ProxyUnderTest } from "../support/differential.ts";
import { freePort } from "../support/envoy-process.ts";
import { describeWith } from "../support/tools.ts";

const YAML = fs.readFileSync(new URL("differential-secrets.yaml", import.meta.url), "utf8");
const DIFFERENCES = fs.readFileSync(new URL("../../docs/differences.md", import.meta.url), "utf8");
const SECRET = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";
const KINDS = ["envoy", "outrigger"] as const;

/** Of a proxy's two listeners and two clusters. */
const READINESS = /_ssl_socket_factory\..*secrets_not_ready$/;
const ENDS = /\.expiration_unix_time_seconds$|days_until_first_cert_expiring$/;
/** What has become of a secret; Envoy looks at its file when it opens it as well. */
const OUTCOMES = /^sds\.\w+\.(update_(success|rejected|failure)|key_rotation_failed|version)$/;

interface Side {
  readonly proxy: ProxyUnderTest;
  readonly missing: number;
  readonly log: string;
}

let folder: string;
let origin: https.Server;
let authority: TestAuthority;
let other: TestAuthority;
const sides = new Map<(typeof KINDS)[number], Side>();
const certificates: Record<string, TestCertificate> = {};

function pathOf(name: string): string {
  return path.join(folder, name);
}

/** As a careful writer does: beside it, then over it. */
function write(name: string, text: string): void {
  fs.writeFileSync(pathOf(`${name}.new`), text);
  fs.renameSync(pathOf(`${name}.new`), pathOf(name));
}

function writeSecret(file: string, name: string, content: object): void {
  const resources = [{ "@type": SECRET, name, ...content }];
  write(file, JSON.stringify({ version_info: "1", resources }));
}

function pair(certificate: string, key = certificate): object {
  return {
    tls_certificate: {
      certificate_chain: { inline_string: certificates[certificate]?.chain },
      private_key: { inline_string: certificates[key]?.key },
    },
  };
}

function believing(...authorities: readonly TestAuthority[]): object {
  const inline_string = authorities.map(({ pem }) => pem).join("");
  return { validation_context: { trusted_ca: { inline_string } } };
}

async function closed(socket: net.Socket): Promise<void> {
  if (socket.closed) return;
  await new Promise<void>((resolve) => {
    socket.once("close", () => resolve());
  });
}

/** Who is shown to a client with this name, and how its request ends. */
async function visit(
  { proxy: { port } }: Side,
  servername: string,
  by?: string,
  target = "/",
): Promise<{ readonly shown: string | undefined; readonly answer: string }> {
  const client = by === undefined ? undefined : certificates[by];
  const mine = client === undefined ? {} : { cert: client.chain, key: client.key };
  const options = { host: "127.0.0.1", port, servername, rejectUnauthorized: false, ...mine };
  const socket = tls.connect(options);
  socket.on("error", () => undefined);
  let answer = "";
  socket.on("data", (bytes) => {
    answer += bytes.toString();
    if (answer.includes("\r\n\r\n")) socket.end();
  });
  let shown: string | undefined;
  socket.on("secureConnect", () => {
    shown = socket.getPeerX509Certificate()?.subject;
    socket.write(`GET ${target} HTTP/1.1\r\nhost: a\r\n\r\n`);
  });
  await closed(socket);
  return { shown, answer: answer.split("\r\n", 1)[0] ?? "" };
}

/** What both come by; each in its time, as neither tells when it has read a file. */
async function both<T>(look: (side: Side) => Promise<T>, wanted: T): Promise<void> {
  for (const kind of KINDS) {
    const side = sides.get(kind);
    if (side === undefined) throw new Error(`${kind} does not run`);
    await expect.poll(() => look(side), { timeout: 60_000, interval: 100 }).toEqual(wanted);
  }
}

async function counted(side: Side, pattern: RegExp): Promise<Record<string, number>> {
  const found = Object.entries(await side.proxy.stats(pattern));
  return Object.fromEntries(
    found.map(([name, value]) => [
      name.replace(String(side.proxy.port), "PORT").replace(String(side.missing), "MISSING"),
      value,
    ]),
  );
}

/** Both, as Envoy has it. */
async function alike(pattern: RegExp): Promise<Record<string, number>> {
  const [envoy, outrigger] = KINDS.map((kind) => sides.get(kind));
  if (envoy === undefined || outrigger === undefined) throw new Error("they do not run");
  const wanted = await counted(envoy, pattern);
  await expect.poll(() => counted(outrigger, pattern)).toEqual(wanted);
  return wanted;
}

describeWith(["envoy"], "Envoy and Outrigger on the same files of secrets", () => {
  beforeAll(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "differential-secrets-"));
    authority = await TestAuthority.create("one authority");
    other = await TestAuthority.create("another authority");
    const sans = [{ type: "dns", value: "client.mesh.example" }] as const;
    certificates.one = await authority.issue({ name: "one" });
    certificates.two = await authority.issue({ name: "two" });
    certificates.mesh = await authority.issue({ name: "mesh", sans });
    certificates.nameless = await authority.issue({ name: "nameless" });
    certificates.foreign = await other.issue({ name: "foreign", sans });
    write("one.crt", certificates.one.chain);
    write("one.key", certificates.one.key);
    writeSecret("own.yaml", "default", pair("one"));
    writeSecret("root.yaml", "ROOTCA", believing(authority));
    writeSecret("none.yaml", "other", pair("one"));
    origin = https.createServer(
      { cert: certificates.two.chain, key: certificates.two.key },
      (_, response) => response.end("ok"),
    );
    origin.listen(0, "127.0.0.1");
    await once(origin, "listening");
    const address = origin.address();
    const SECURE = typeof address === "object" && address !== null ? address.port : 0;
    for (const kind of KINDS) {
      const missing = await freePort();
      const log = pathOf(`${kind}.log`);
      const yaml = YAML.replaceAll("$DIR", folder).replaceAll("$LOG", log);
      const proxy = await ProxyUnderTest.start(kind, yaml, { SECURE, MISSING: missing });
      sides.set(kind, { proxy, missing, log });
    }
  });

  afterAll(async () => {
    for (const { proxy } of sides.values()) await proxy.stop();
    origin?.close();
    origin?.closeAllConnections();
    fs.rmSync(folder, { recursive: true });
  });

  it("shows what a file and what the bootstrap holds, and believes by a file", async () => {
    const ok = "HTTP/1.1 200 OK";
    await both((side) => visit(side, "rotated.example", "mesh"), { shown: "CN=one", answer: ok });
    await both((side) => visit(side, "fixed.example"), { shown: "CN=one", answer: ok });
    for (const by of ["nameless", "foreign"]) {
      await both((side) => visit(side, "rotated.example", by), { shown: "CN=one", answer: "" });
    }
  });

  it("closes connections to a listener whose secret is missing, and counts them", async () => {
    const plain = (port: number): net.Socket => {
      const socket = net.connect(port, "127.0.0.1");
      socket.write("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
      return socket;
    };
    const secured = (port: number): net.Socket => tls.connect({ host: "127.0.0.1", port });
    for (const { missing } of sides.values()) {
      for (const open of [plain, secured]) {
        const socket = open(missing);
        socket.on("error", () => undefined);
        let received = "";
        socket.on("data", (some) => {
          received += some.toString();
        });
        await closed(socket);
        expect(received).toBe("");
      }
    }
    const factory = "listener.127.0.0.1_MISSING.server_ssl_socket_factory";
    expect(await alike(READINESS)).toMatchObject({
      [`${factory}.downstream_context_secrets_not_ready`]: 2,
    });
  });

  it("does not reach endpoints whose secret is missing, and says why", async () => {
    const answer = "HTTP/1.1 503 Service Unavailable";
    await both((side) => visit(side, "fixed.example", undefined, "/missing"), {
      shown: "CN=one",
      answer,
    });
    const logged = async ({ log }: Side): Promise<string[]> =>
      fs
        .readFileSync(log, "utf8")
        .split("\n")
        .filter((line) => line.startsWith("/missing"));
    await both(logged, ["/missing UF TLS_error:_Secret_is_not_supplied_by_SDS"]);
  });

  it("says alike when certificates end", async () => {
    const ends = await alike(ENDS);
    expect(Object.keys(ends).sort()).toEqual(
      expect.arrayContaining([
        "cluster.secure.ssl.certificate.ROOTCA.expiration_unix_time_seconds",
        "listener.127.0.0.1_PORT.ssl.certificate.default.expiration_unix_time_seconds",
        "server.days_until_first_cert_expiring",
      ]),
    );
  });

  it("shows another certificate once the file has it", async () => {
    writeSecret("own.yaml", "default", pair("two"));
    const answer = "HTTP/1.1 200 OK";
    await both((side) => visit(side, "rotated.example", "mesh"), { shown: "CN=two", answer });
  });

  it.each([
    { what: "a key that is another's", content: () => pair("one", "two") },
    {
      what: "garbage for a certificate",
      content: () => ({
        tls_certificate: {
          certificate_chain: { inline_string: "garbage" },
          private_key: { inline_string: "garbage" },
        },
      }),
    },
  ])("keeps the last good one through $what", async ({ content }) => {
    const before = await alike(OUTCOMES);
    writeSecret("own.yaml", "default", content());
    const refused = (side: Side): Promise<number | undefined> =>
      counted(side, OUTCOMES).then((found) => found["sds.default.update_rejected"]);
    await both(refused, (before["sds.default.update_rejected"] ?? 0) + 1);
    const answer = "HTTP/1.1 200 OK";
    await both((side) => visit(side, "rotated.example", "mesh"), { shown: "CN=two", answer });
    await alike(OUTCOMES);
  });

  it("keeps the last good one through a file that is none, and takes the next", async () => {
    const before = await alike(OUTCOMES);
    write("own.yaml", "resources: [{'@type': nothing}]");
    const failed = (side: Side): Promise<number | undefined> =>
      counted(side, OUTCOMES).then((found) => found["sds.default.update_failure"]);
    await both(failed, (before["sds.default.update_failure"] ?? 0) + 1);
    writeSecret("own.yaml", "default", pair("one"));
    const answer = "HTTP/1.1 200 OK";
    await both((side) => visit(side, "rotated.example", "mesh"), { shown: "CN=one", answer });
    await alike(OUTCOMES);
  });

  it("believes whom the file names next, and nobody else", async () => {
    writeSecret("root.yaml", "ROOTCA", believing(other));
    const shown = "CN=one";
    await both((side) => visit(side, "rotated.example", "mesh"), { shown, answer: "" });
    // The origin's own certificate is none of the new authority's: only Envoy still has it.
    const [envoy, outrigger] = KINDS.map((kind) => sides.get(kind));
    if (envoy === undefined || outrigger === undefined) throw new Error("they do not run");
    expect((await visit(envoy, "rotated.example", "foreign")).answer).toBe("HTTP/1.1 200 OK");
    expect(await visit(outrigger, "rotated.example", "foreign")).toEqual({
      shown,
      answer: "HTTP/1.1 503 Service Unavailable",
    });
    expect(DIFFERENCES).toContain("\n### Connections end with the trust that they rest on\n");
  });
});
