/** The published package: what `npm pack` makes installs into an empty folder and runs there. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import http from "node:http";
import https from "node:https";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { TestAuthority } from "../support/certificates.ts";
import { guideExamples } from "../support/guide-examples.ts";
import { mortal } from "../support/mortal.ts";
import { ROOT } from "../support/source-file.ts";
import { describeWith, tool } from "../support/tools.ts";

const folder = fs.mkdtempSync(path.join(os.tmpdir(), "outrigger-package-"));
const program = path.join(folder, "node_modules/.bin/outrigger");

function npm(cwd: string, ...args: readonly string[]): string {
  return execFileSync("npm", args, { cwd, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

async function listening(server: net.Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as net.AddressInfo).port;
}

async function freePort(): Promise<number> {
  const server = net.createServer();
  const port = await listening(server);
  server.close();
  await once(server, "close");
  return port;
}

function proxyYaml(listen: number, origin: number): string {
  return fs
    .readFileSync(path.join(ROOT, "bench/config/one-hop.yaml"), "utf8")
    .replaceAll("port_value: 10000", `port_value: ${listen}`)
    .replaceAll("port_value: 10001", `port_value: ${origin}`)
    .replaceAll("127.0.0.2", "127.0.0.1");
}

const TLS = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";

/** The same, with TLS on the listener. */
function secured(yaml: string, certificate: string, key: string): string {
  const pair = {
    certificate_chain: { filename: certificate },
    private_key: { filename: key },
  };
  const context = { "@type": TLS, common_tls_context: { tls_certificates: [pair] } };
  const socket = JSON.stringify({ name: "tls", typed_config: context });
  return yaml.replace(
    "        - filters:",
    `        - transport_socket: ${socket}\n          filters:`,
  );
}

/** Answers of the proxy, asked again until it listens or has ended. */
async function firstAnswer(ask: () => Promise<string>, ended: () => boolean): Promise<string> {
  while (!ended()) {
    const answer = await ask().catch(() => undefined);
    if (answer !== undefined) return answer;
    await new Promise((later) => setTimeout(later, 50));
  }
  return "the proxy ended";
}

async function askPlain(port: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/hello`);
  return `${response.status} ${await response.text()}`;
}

async function askSecure(port: number, ca: string): Promise<string> {
  const options = { port, host: "127.0.0.1", path: "/hello", servername: "a.example", ca };
  const [response] = await once(https.get({ ...options, agent: false }), "response");
  const body: Buffer[] = await response.toArray();
  return `${response.statusCode} ${Buffer.concat(body)}`;
}

/** Keeps types: each wrong call must be an error. */
const USER = `
import { circuitBreaker, compose, fallback, retry, wrapFetch } from "outrigger/breaker";

const guarded = circuitBreaker(async (id: string) => id.length, { name: "ratings" });
const length: number = await guarded("abc");
const policy = compose(fallback(() => "instead" as const), retry());
const answer: number | "instead" = await policy.run<number>(() => Promise.reject(new Error()));
console.log(length, answer, typeof wrapFetch(fetch));
// @ts-expect-error: the guarded function's own parameters
guarded(5).catch(() => undefined);
`;

/** Runs the installed program on a bootstrap, until `ask` is answered. */
async function answerOf(
  yaml: string,
  ask: () => Promise<string>,
  ...options: readonly string[]
): Promise<string> {
  const file = path.join(folder, "proxy.yaml");
  fs.writeFileSync(file, yaml);
  const proxy = spawn(...mortal(program, ["proxy", "-c", file, ...options]), { stdio: "inherit" });
  const ended = once(proxy, "exit");
  try {
    return await firstAnswer(ask, () => proxy.exitCode !== null);
  } finally {
    proxy.kill("SIGTERM");
    await ended;
  }
}

beforeAll(() => {
  npm(ROOT, "pack", "--pack-destination", folder);
  const tarball = fs.readdirSync(folder).find((name) => name.endsWith(".tgz")) ?? "";
  fs.writeFileSync(path.join(folder, "package.json"), '{ "private": true }\n');
  npm(folder, "install", "--ignore-scripts", "--omit=dev", `./${tarball}`);
}, 180_000);

afterAll(() => {
  fs.rmSync(folder, { recursive: true, force: true });
});

describe("the package", () => {
  it("tells its version", () => {
    const { version } = JSON.parse(fs.readFileSync(path.join(ROOT, "package.json"), "utf8"));
    const output = execFileSync(program, ["--version"], { encoding: "utf8" });
    expect(output.trim()).toBe(version);
  });

  it("holds programs and no TypeScript source", () => {
    const inside = path.join(folder, "node_modules/outrigger");
    const files = fs.readdirSync(inside, { recursive: true, encoding: "utf8" });
    const sources = files.filter((name) => /(?<!\.d)\.ts$/.test(name));
    expect(sources).toEqual([]);
    expect(files).toContain("dist/cli/main.js");
    expect(files).toContain("dist/proxy/worker/main.js");
    expect(files).toContain("dist/up/pods/stand-in.js");
    expect(files).toContain("dist/samples/bookstore/deploy/reviews.yaml");
    expect(files.filter((name) => name.includes(".test."))).toEqual([]);
  });

  it("has the library, which runs and whose types hold without those of Node", () => {
    const user = path.join(folder, "user.mts");
    fs.writeFileSync(user, USER);
    const run = execFileSync(process.execPath, ["--no-warnings", user], { encoding: "utf8" });
    expect(run).toBe("3 instead function\n");
    const tsc = path.join(ROOT, "node_modules/typescript/bin/tsc");
    const lib = ["--lib", "es2024,dom,dom.iterable", "--types", ""];
    const options = ["--noEmit", "--strict", "--target", "es2024", "--module", "nodenext", ...lib];
    const check = ["--ignoreConfig", ...options, user];
    execFileSync(process.execPath, [tsc, ...check], { cwd: folder, stdio: "inherit" });
  });

  it("gives the library to bundlers as one module that imports nothing", () => {
    const library = path.join(folder, "node_modules/outrigger/dist/breaker/library.js");
    expect(fs.readFileSync(library, "utf8")).not.toMatch(/^import|\brequire\(|\bimport\(/m);
  });

  it("is there without the mesh too: outrigger-breaker, which depends on nothing", () => {
    const alone = fs.mkdtempSync(path.join(os.tmpdir(), "outrigger-breaker-"));
    try {
      execFileSync(process.execPath, [path.join(ROOT, "scripts/pack-breaker.ts"), alone]);
      const tarball = fs.readdirSync(alone).find((name) => name.endsWith(".tgz")) ?? "";
      fs.writeFileSync(path.join(alone, "package.json"), '{ "private": true }\n');
      npm(alone, "install", "--offline", `./${tarball}`);
      const installed = fs.readdirSync(path.join(alone, "node_modules"));
      expect(installed.filter((name) => !name.startsWith("."))).toEqual(["outrigger-breaker"]);
      const user = path.join(alone, "user.mts");
      fs.writeFileSync(user, USER.replace("outrigger/breaker", "outrigger-breaker"));
      const run = execFileSync(process.execPath, ["--no-warnings", user], { encoding: "utf8" });
      expect(run).toBe("3 instead function\n");
    } finally {
      fs.rmSync(alone, { recursive: true, force: true });
    }
  });

  it.each([
    [["authz", "check"], /^allow {2}shop\/web -> ratings/],
    [["explain"], /^GET \/ to ratings.*\n(.*\n)* {4}route {5}Service my-namespace\/ratings/],
  ])("answers %s", (command, answer) => {
    const asked = ["--from", "shop/web", "--to", "ratings.my-namespace:8080", "GET", "/"];
    const mesh = path.join(ROOT, "samples/zero-trust");
    expect(execFileSync(program, [...command, mesh, ...asked], { encoding: "utf8" })).toMatch(
      answer,
    );
  });

  it("makes join tokens, and asks for another root", () => {
    const place = ["--ca-dir", path.join(folder, "ca")];
    fs.mkdirSync(path.join(folder, "ca"), { mode: 0o700 });
    const token = execFileSync(program, ["token", "shop/web", ...place], { encoding: "utf8" });
    expect(token).toMatch(/^outrigger-join\./);
    execFileSync(program, ["ca", "rotate", ...place], { stdio: "ignore" });
  });

  it("runs an agent, which asks for a certificate until somebody answers", async () => {
    const root = path.join(folder, "root.pem");
    const token = path.join(folder, "token");
    fs.writeFileSync(root, (await TestAuthority.create()).pem);
    fs.writeFileSync(token, "join-me", { mode: 0o600 });
    const options = ["--ca", `127.0.0.1:${await freePort()}`, "--root", root, "--token", token];
    const agent = spawn(...mortal(program, ["agent", ...options, "--identity", "shop/web"]), {
      stdio: ["ignore", "ignore", "pipe"],
    });
    const ended = once(agent, "exit");
    let told = "";
    for await (const part of agent.stderr ?? []) {
      told += String(part);
      if (told.includes("; again in ")) break;
    }
    agent.kill("SIGTERM");
    await ended;
    expect(told).toMatch(/no certificate \(.*ECONNREFUSED.*\); again in/);
  });

  describe("runs its data plane on an Envoy bootstrap", () => {
    const origin = http.createServer((_, response) => response.end("from the origin"));
    let yaml: string;
    let port: number;

    beforeAll(async () => {
      port = await freePort();
      yaml = proxyYaml(port, await listening(origin));
    });

    afterAll(() => {
      origin.closeAllConnections();
      origin.close();
    });

    it.each(["1", "2"])("with %s worker(s)", async (workers) => {
      const answer = await answerOf(yaml, () => askPlain(port), "--concurrency", workers);
      expect(answer).toBe("200 from the origin");
    });

    it("with TLS of files", async () => {
      const authority = await TestAuthority.create();
      const sans = [{ type: "dns", value: "a.example" }] as const;
      const { chain, key } = await authority.issue({ sans });
      const files = ["a.crt", "a.key"].map((name) => path.join(folder, name));
      const [certificate = "", secret = ""] = files;
      fs.writeFileSync(certificate, chain);
      fs.writeFileSync(secret, key);
      const ask = (): Promise<string> => askSecure(port, authority.pem);
      expect(await answerOf(secured(yaml, certificate, secret), ask)).toBe("200 from the origin");
    });
  });
});

/** The one module of the package; nothing is fetched, and nothing of the machine's is read. */
describeWith(["bun", "deno"], "the package's library elsewhere", () => {
  const env = { ...process.env, NO_COLOR: "1" };
  const runtimes = [
    ["bun", ["run", "--no-install"]],
    ["deno", ["run", "--allow-net", "--no-remote", "--no-lock"]],
  ] as const;

  it.each(runtimes)(
    "runs all examples of its guide in %s",
    (name, options) => {
      const file = path.join(folder, "example.ts");
      const printed = guideExamples().map(({ page, line, code }) => {
        fs.writeFileSync(file, code);
        const running = { cwd: folder, env, encoding: "utf8", timeout: 60_000 } as const;
        return `${page}:${line}\n${execFileSync(tool(name), [...options, file], running)}`;
      });
      const said = guideExamples().map(({ page, line, prints }) => `${page}:${line}\n${prints}`);
      expect(printed).toEqual(said);
    },
    180_000,
  );
});
