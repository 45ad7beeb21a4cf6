import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { standIn } from "./stand-in.ts";

const IDENTITY = {
  service: "reviews",
  pod: "reviews-v1-x",
  namespace: "default",
  version: "v1",
  container: "reviews",
};

let server: ReturnType<typeof standIn> | undefined;
afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function start(): Promise<number> {
  const started = standIn(IDENTITY);
  server = started;
  await new Promise<void>((resolve) => started.listen(0, "127.0.0.1", resolve));
  return (started.address() as AddressInfo).port;
}

/** Sends bytes on one connection and resolves with all that came back once it is closed. */
function exchange(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    socket.setEncoding("latin1");
    socket.on("data", (chunk: string) => {
      received += chunk;
    });
    socket.on("end", () => resolve(received));
    socket.on("error", reject);
  });
}

describe("the stand-in", () => {
  it("says who it is and what was asked, on any path", async () => {
    const port = await start();
    const response = await fetch(`http://127.0.0.1:${port}/a/b?c=d`, {
      method: "POST",
      headers: { "x-one": "1" },
      body: "hello",
    });
    const body = (await response.json()) as { headers: Record<string, string> };
    expect(body).toMatchObject({ ...IDENTITY, method: "POST", path: "/a/b?c=d" });
    expect(body.headers["x-one"]).toBe("1");
  });

  it("keeps a connection in step over HEAD, bodies and Expect", async () => {
    const port = await start();
    const text = await exchange(
      port,
      "HEAD /1 HTTP/1.1\r\nHost: x\r\n\r\n" +
        "PUT /2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" +
        "POST /3 HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi" +
        "GET /4 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
    );
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual([
      "HTTP/1.1 200",
      "HTTP/1.1 200",
      "HTTP/1.1 100",
      "HTTP/1.1 200",
      "HTTP/1.1 200",
    ]);
    expect(text.match(/"path":"[^"]+"/g)).toEqual(['"path":"/2"', '"path":"/3"', '"path":"/4"']);
  });
});
