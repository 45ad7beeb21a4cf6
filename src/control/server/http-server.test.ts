import { type IncomingMessage, request } from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { AccessToken } from "../../base/access-token.ts";
import { socketAddress } from "../../model/address.ts";
import { type RunningHttpServer, serveHttp, strangerTo } from "./http-server.ts";

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

describe("a client of another machine", () => {
  const access = { token: new AccessToken("0123456789abcdef") };
  const ofPods = { trusts: (address: string) => address === "10.0.0.6" };

  function from(remoteAddress: string, headers: Record<string, string> = {}): IncomingMessage {
    const socket = { localAddress: "::ffff:10.0.0.5", remoteAddress };
    return { headers: { host: "10.0.0.5:15014", ...headers }, socket } as never;
  }

  it("is served where it brings the token, whatever name it calls the server by", () => {
    const headers = { authorization: "Bearer 0123456789abcdef", host: "control.example" };
    expect(strangerTo(access, from("10.0.0.6", headers))).toBeUndefined();
  });

  it("is asked for the token", () => {
    const answer = strangerTo(access, from("10.0.0.6", { authorization: "Bearer no" }));
    expect(answer).toMatchObject({ status: 401, body: "a token is needed\n" });
  });

  it("is not served where there is no token", () => {
    expect(strangerTo({}, from("10.0.0.6"))?.body).toContain("only this machine is served");
  });

  it("is served where its address is trusted, under the server's own name alone", () => {
    expect(strangerTo(ofPods, from("::ffff:10.0.0.6"))).toBeUndefined();
    expect(strangerTo(ofPods, from("10.0.0.6", { host: "evil.example" }))?.status).toBe(421);
    expect(strangerTo(ofPods, from("10.0.0.7"))?.status).toBe(401);
  });

  it("is refused where a page of another site asks", () => {
    const headers = { authorization: "Bearer 0123456789abcdef", origin: "http://evil.example" };
    expect(strangerTo(access, from("127.0.0.1", headers))?.status).toBe(403);
  });
});
