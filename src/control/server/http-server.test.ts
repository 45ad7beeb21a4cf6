import { request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { socketAddress } from "../../model/address.ts";
import { type RunningHttpServer, serveHttp } from "./http-server.ts";

let server: RunningHttpServer;

beforeAll(async () => {
  const page = { contentType: "application/json", body: () => '{"ok":true}' };
  const pages = new Map([["/page", page]]);
  server = await serveHttp({ address: socketAddress("127.0.0.1", 0), pages });
});

afterAll(() => server.close());

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

function ask(method: string, path: string, host?: string): Promise<Answer> {
  const { port } = server.address;
  const headers = host === undefined ? {} : { host };
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, method, path, headers }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        body += chunk;
      });
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
      );
    });
    sent.on("error", reject);
    sent.end();
  });
}

describe("the control plane's HTTP server", () => {
  it("answers GET with the page, whatever the query", async () => {
    const answer = await ask("GET", "/page?x=1");
    expect(answer).toMatchObject({ status: 200, body: '{"ok":true}' });
    expect(answer.headers).toMatchObject({
      "content-type": "application/json",
      "x-content-type-options": "nosniff",
    });
  });

  it("answers HEAD without a body", async () => {
    const answer = await ask("HEAD", "/page");
    expect(answer).toMatchObject({ status: 200, body: "" });
    expect(answer.headers).toMatchObject({ "content-length": "11" });
  });

  it("refuses every other method", async () => {
    const answer = await ask("POST", "/page");
    expect(answer).toMatchObject({ status: 405, headers: { allow: "GET, HEAD" } });
  });

  it("says which pages there are", async () => {
    const answer = await ask("GET", "/elsewhere");
    expect(answer).toMatchObject({ status: 404, body: "no such page; there are /page\n" });
  });

  it.each([
    { host: "localhost:15014", status: 200 },
    { host: "127.0.0.1", status: 200 },
    { host: "attacker.example", status: 421 },
    { host: "attacker.example:15014", status: 421 },
  ])("answers $status under the host $host", async ({ host, status }) => {
    expect((await ask("GET", "/page", host)).status).toBe(status);
  });
});
