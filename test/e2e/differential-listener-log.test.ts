/** The lines of connections in a listener's log, as a real Envoy and as Outrigger write them. */
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import tls from "node:tls";
import { afterAll, beforeAll, expect, it } from "vitest";
import { badCertificates } from "../support/bad-certificates.ts";
import { ProxyUnderTest } from "../support/differential.ts";
import type { Shown } from "../support/odd-authority.ts";
import { describeWith } from "../support/tools.ts";

const YAML = fs.readFileSync(new URL("differential-listener-log.yaml", import.meta.url), "utf8");
const REQUEST = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
const { bad, ca, good } = badCertificates();
const expired = bad.find(({ name }) => name === "expired");

let folder: string;
let envoy: ProxyUnderTest;
let outrigger: ProxyUnderTest;

describeWith(["envoy"], "Envoy and Outrigger on one file, with a log of connections", () => {
  beforeAll(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), "differential-listener-log-"));
    const files = { "ca.crt": ca, "good.crt": good.chain, "good.key": good.key };
    for (const [name, text] of Object.entries(files)) {
      fs.writeFileSync(path.join(folder, name), text);
    }
    const yaml = YAML.replaceAll("$DIR", folder);
    const withLog = (name: string): string => yaml.replace("$LOG", path.join(folder, name));
    envoy = await ProxyUnderTest.start("envoy", withLog("envoy.log"), {});
    outrigger = await ProxyUnderTest.start("outrigger", withLog("outrigger.log"), {});
  });

  afterAll(async () => {
    await envoy?.stop();
    await outrigger?.stop();
    fs.rmSync(folder, { recursive: true });
  });

  it.each([
    { name: "a client that is served", by: good, expected: "chain=secure" },
    { name: "an expired certificate", by: expired, expected: "CERTIFICATE_VERIFY_FAILED" },
    { name: "no certificate", by: undefined, expected: "PEER_DID_NOT_RETURN_A_CERTIFICATE" },
    { name: "another name", by: good, servername: "b.example", expected: "flags=NR" },
  ])("$name", async ({ by, expected, servername = "a.example" }) => {
    const [wanted, found] = await both((proxy) => secureClient(proxy, servername, by));
    expect(found).toEqual(wanted);
    expect(found).toContain(expected);
  });

  it.each([
    {
      name: "plain bytes where there is TLS alone",
      localAddress: "127.0.0.1",
      expected: "flags=NR",
    },
    {
      name: "plain bytes where they are wanted",
      localAddress: "127.0.0.2",
      expected: "chain=plain",
    },
  ])("$name", async ({ expected, localAddress }) => {
    const [wanted, found] = await both(({ port }) =>
      net.connect({ host: "127.0.0.1", port, localAddress }),
    );
    expect(found).toEqual(wanted);
    expect(found).toContain(expected);
  });
});

function secureClient({ port }: ProxyUnderTest, servername: string, by?: Shown): net.Socket {
  const shown = by && { cert: by.chain, key: by.key };
  return tls.connect({ host: "127.0.0.1", port, servername, rejectUnauthorized: false, ...shown });
}

/** The line that each of them writes for one connection. */
async function both(open: (proxy: ProxyUnderTest) => net.Socket): Promise<(string | undefined)[]> {
  const lines: (string | undefined)[] = [];
  for (const [file, proxy] of [
    ["envoy.log", envoy],
    ["outrigger.log", outrigger],
  ] as const) {
    const log = path.join(folder, file);
    const before = linesOf(log).length;
    await served(open(proxy));
    await expect.poll(() => linesOf(log).length, { timeout: 30_000 }).toBe(before + 1);
    lines.push(comparable(linesOf(log).at(-1) ?? ""));
  }
  return lines;
}

async function served(socket: net.Socket): Promise<void> {
  socket.on("error", () => undefined);
  socket.resume();
  socket.write(REQUEST);
  await new Promise<void>((resolve) => socket.once("close", () => resolve()));
}

function linesOf(file: string): readonly string[] {
  if (!fs.existsSync(file)) return [];
  return fs.readFileSync(file, "utf8").split("\n").slice(0, -1);
}

/** What the two libraries say in different words means the same; heads differ by a few bytes. */
function comparable(line: string): string {
  return line
    .replace(/_at_depth_\d+/, "")
    .replace(/:peer_did_not_provide_required_client_certificate/, "")
    .replace(/why=TLS_error\|error:1000009c.*?(?= rx)/, "why=-")
    .replace(/tx=[1-9]\d*/, "tx=some");
}
