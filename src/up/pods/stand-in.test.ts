import {
  type ClientHttp2Stream,
  connect as connectHttp2,
  type IncomingHttpHeaders,
} from "node:http2";
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

/** Sends bytes on one connection, and its end; resolves with all that came back. */
function exchange(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = "";
    const socket = connect(port, "127.0.0.1", () => socket.end(text));
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

  it("answers who has nothing more to send, and leaves who says nothing at all", async () => {
    const port = await start();
    expect(await exchange(port, "")).toBe("");
    const text = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    expect(await exchange(port, text)).toContain("HTTP/1.1 200");
  });

  it("answers HTTP/2 with prior knowledge as it answers HTTP/1.1", async () => {
    const session = connectHttp2(`http://127.0.0.1:${await start()}`);
    const stream = session.request({ ":path": "/a", ":authority": "reviews", "x-one": "1" });
    const { body } = await whole(stream);
    session.close();
    expect(JSON.parse(body)).toMatchObject({
      ...IDENTITY,
      method: "GET",
      path: "/a",
      headers: { host: "reviews", "x-one": "1" },
    });
  });

  it("answers a gRPC call with an empty message, and says in a header who it is", async () => {
    const session = connectHttp2(`http://127.0.0.1:${await start()}`);
    const stream = session.request({
      ":method": "POST",
      ":path": "/shop.Cart/Add",
      "content-type": "application/grpc+proto",
      "x-one": "é",
    });
    stream.write(Buffer.alloc(5));
    stream.end();
    const { headers, trailers, body } = await whole(stream);
    session.close();
    expect(JSON.parse(String(headers["x-stand-in"]))).toMatchObject({
      ...IDENTITY,
      path: "/shop.Cart/Add",
      headers: { "x-one": expect.any(String) },
    });
    expect(headers["content-type"]).toBe("application/grpc");
    expect(Buffer.from(body, "latin1")).toEqual(Buffer.alloc(5));
    expect(trailers["grpc-status"]).toBe("0");
  });
});

interface Whole {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  /** One character a byte. */
  readonly body: string;
}

function whole(stream: ClientHttp2Stream): Promise<Whole> {
  return new Promise((resolve, reject) => {
    let headers: IncomingHttpHeaders = {};
    let trailers: IncomingHttpHeaders = {};
    let body = "";
    stream.setEncoding("latin1");
    stream.on("response", (received) => {
      headers = received;
    });
    stream.on("trailers", (received) => {
      trailers = received;
    });
    stream.on("data", (chunk: string) => {
      body += chunk;
    });
    stream.on("end", () => resolve({ headers, trailers, body }));
    stream.on("error", reject);
  });
}
