/** The published package: what `npm pack` makes installs into an empty folder and runs there. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import http from "node:http";
import net from "node:net";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ROOT } from "../support/source-file.ts";

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

/** Answers of the proxy, asked again until it listens or has ended. */
async function firstAnswer(port: number, ended: () => boolean): Promise<string> {
  while (!ended()) {
    const response = await fetch(`http://127.0.0.1:${port}/hello`).catch(() => undefined);
    if (response !== undefined) return `${response.status} ${await response.text()}`;
    await new Promise((later) => setTimeout(later, 50));
  }
  return "the proxy ended";
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

  it("holds JavaScript, declarations and no TypeScript source", () => {
    const inside = path.join(folder, "node_modules/outrigger");
    const files = fs.readdirSync(inside, { recursive: true, encoding: "utf8" });
    const sources = files.filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts"));
    expect(sources).toEqual([]);
    expect(files).toContain("dist/cli/main.d.ts");
    expect(files).toContain("dist/samples/bookstore/deploy/reviews.yaml");
    expect(files.filter((name) => name.includes(".test."))).toEqual([]);
  });

  it.each(["1", "2"])(
    "runs its data plane on an Envoy bootstrap, %s worker(s)",
    async (workers) => {
      const origin = http.createServer((_, response) => response.end("from the origin"));
      const originPort = await listening(origin);
      const port = await freePort();
      const file = path.join(folder, "proxy.yaml");
      fs.writeFileSync(file, proxyYaml(port, originPort));
      const proxy = spawn(program, ["proxy", "-c", file, "--concurrency", workers], {
        stdio: "inherit",
      });
      const ended = once(proxy, "exit");
      try {
        const answer = await firstAnswer(port, () => proxy.exitCode !== null);
        expect(answer).toBe("200 from the origin");
      } finally {
        proxy.kill("SIGTERM");
        await ended;
        origin.closeAllConnections();
        origin.close();
      }
    },
  );
});
