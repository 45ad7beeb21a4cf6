/** The same policies and the same requests through a real Envoy and through Outrigger. */
import fs from "node:fs";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import tls from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestAuthority, type TestCertificate } from "../support/certificates.ts";
import { Origins, ProxyUnderTest } from "../support/differential.ts";
import { eventually } from "../support/envoy-process.ts";
import { RBAC_CASES, type RbacCase, SAME_CASES } from "../support/rbac-cases.ts";
import { RBAC_ROUTES } from "../support/rbac-rules.ts";
import { describeWith } from "../support/tools.ts";

const YAML = fs.readFileSync(new URL("differential-rbac.yaml", import.meta.url), "utf8");
const DIFFERENCES = fs.readFileSync(new URL("../../docs/differences.md", import.meta.url), "utf8");
const COUNTERS = /^http\.in\.(rbac\.|downstream_rq_[245]xx)/;

const certificates: Record<string, TestCertificate> = {};

/** One proxy, its log, and its outcomes by the cases' numbers. */
interface Run {
  readonly proxy: ProxyUnderTest;
  readonly log: string;
  readonly answers: string[];
  counted: Readonly<Record<string, number>>;
}

async function start(kind: "envoy" | "outrigger", origins: Origins): Promise<Run> {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "differential-rbac-"));
  fs.writeFileSync(path.join(folder, "ca.crt"), certificates.ca?.chain ?? "");
  fs.writeFileSync(path.join(folder, "server.crt"), certificates.server?.chain ?? "");
  fs.writeFileSync(path.join(folder, "server.key"), certificates.server?.key ?? "");
  const yaml = YAML.replaceAll("$DIR", folder).replace("$ROUTES", JSON.stringify(RBAC_ROUTES));
  const proxy = await ProxyUnderTest.start(kind, yaml, { ORIGIN_a: origins.port("a") });
  return { proxy, log: path.join(folder, "log"), answers: [], counted: {} };
}

/** Status line, content type, gRPC's status and body of the last answer. */
async function ask({ proxy }: Run, one: RbacCase, number: number): Promise<string> {
  const { by, from = "127.0.0.1", headers = [], method = "GET", sni } = one;
  const head = [`${method} ${one.target} HTTP/1.1`, `Host: ${one.host ?? "shop.example"}`];
  const raw = [...head, `X-Case: ${number}`, "Connection: close", ...headers, "", ""].join("\r\n");
  const to = { port: proxy.port, host: "127.0.0.1", localAddress: from };
  const { chain, key } = certificates[by ?? ""] ?? {};
  const socket =
    by === undefined
      ? net.connect(to)
      : tls.connect({ ...to, servername: sni ?? "", rejectUnauthorized: false, cert: chain, key });
  const text = await answerOf(socket, raw);
  const [answer = "", body = ""] = text.split("\r\n\r\n");
  const told = answer.split("\r\n").filter((line) => /^(HTTP|content-|grpc)/i.test(line));
  return [...told, body].join("\n");
}

/** What came until the answer was complete, or the proxy hung up. */
function answerOf(socket: net.Socket, raw: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    socket.setTimeout(5000, () => socket.destroy(new Error(`no answer to ${raw}: ${text}`)));
    socket.on("error", reject);
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      if (isComplete(text, raw.startsWith("HEAD "))) socket.destroy();
    });
    socket.on("close", () => resolve(text));
    socket.write(raw, "latin1");
  });
}

/** Envoy takes a second to hang up. */
function isComplete(text: string, isHead: boolean): boolean {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return false;
  if (isHead || text.startsWith("HTTP/1.1 101")) return true;
  if (/transfer-encoding/i.test(text)) return text.endsWith("0\r\n\r\n");
  const length = /content-length: (\d+)/i.exec(text)?.[1] ?? "0";
  return text.length >= end + 4 + Number(length);
}

/** The line of each case, by its number. */
function linesOf({ log }: Run): Map<string, unknown> {
  const text = fs.existsSync(log) ? fs.readFileSync(log, "utf8").trim() : "";
  const lines = text.split("\n").filter((line) => line.endsWith("}"));
  return new Map(lines.map((line) => JSON.parse(line)).map((line) => [line.case, line]));
}

/** Counters are compared of what both decide alike. */
async function sendAll(run: Run): Promise<void> {
  for (const [number, one] of RBAC_CASES.entries()) {
    if (number === SAME_CASES.length) run.counted = await run.proxy.stats(COUNTERS);
    run.answers.push(await ask(run, one, number));
  }
  await eventually("all is logged", () => Promise.resolve(linesOf(run).size === RBAC_CASES.length));
}

describeWith(["envoy"], "policies of Envoy and Outrigger", () => {
  let origins: Origins;
  let envoy: Run;
  let outrigger: Run;

  beforeAll(async () => {
    const authority = await TestAuthority.create();
    const uri = (value: string) => ({ type: "url" as const, value });
    const dns = (value: string) => ({ type: "dns" as const, value });
    certificates.ca = { ...(await authority.issue()), chain: authority.pem };
    certificates.server = await authority.issue({ sans: [dns("shop.example")] });
    certificates.client = await authority.issue({
      sans: [uri("spiffe://mesh/ns/default/sa/client")],
    });
    certificates.other = await authority.issue({ sans: [uri("spiffe://mesh/ns/other/sa/x")] });
    certificates.named = await authority.issue({ sans: [dns("client.example")] });
    certificates.plain = await authority.issue({ name: "plain client,O=mesh" });
    origins = await Origins.start(["a"]);
    envoy = await start("envoy", origins);
    outrigger = await start("outrigger", origins);
    await sendAll(envoy);
    await sendAll(outrigger);
  }, 60_000);

  afterAll(async () => {
    for (const run of [envoy, outrigger]) {
      await run?.proxy.stop();
      if (run !== undefined) fs.rmSync(path.dirname(run.log), { recursive: true });
    }
    origins?.stop();
  });

  describe("decide alike", () => {
    it.each(RBAC_CASES.map((one, number) => ({ ...one, number })))(
      "$number: $method $target $headers $by",
      ({ difference, number }) => {
        const of = (run: Run) => ({
          answer: run.answers[number],
          log: linesOf(run).get(String(number)),
        });
        if (difference === undefined) {
          expect(of(outrigger)).toEqual(of(envoy));
        } else {
          // Mended? Then it leaves the list.
          expect(of(outrigger)).not.toEqual(of(envoy));
          expect(DIFFERENCES).toContain(`\n### ${difference}\n`);
        }
      },
    );
  });

  it("log alike what a LOG policy hints at", async () => {
    const hinted = ({ log }: Run) =>
      fs.readFileSync(path.join(path.dirname(log), "hinted"), "utf8").split("\n");
    const lines = [envoy, outrigger].map((run) => () => hinted(run).length);
    await eventually("both have written", () => Promise.resolve(lines.every((of) => of() > 3)));
    expect(hinted(outrigger)).toEqual(hinted(envoy));
  });

  it("let some in and keep some out", () => {
    const codes = [...linesOf(envoy).values()].map((line) => (line as { code: number }).code);
    expect(codes.filter((code) => code === 403).length).toBeGreaterThan(40);
    expect(codes.filter((code) => code === 200).length).toBeGreaterThan(40);
  });

  it("count alike", () => {
    expect(envoy.counted["http.in.rbac.policy.one.denied"]).toBeGreaterThan(5);
    expect(outrigger.counted).toEqual(envoy.counted);
  });
});
