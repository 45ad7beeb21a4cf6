import { once } from "node:events";
import http from "node:http";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FrameReader, frameOf, TRAILERS_FLAG } from "../../src/codec/grpc/frame-reader.ts";
import { Base64Decoder } from "../../src/codec/grpc/web.ts";
import { GrpcChain } from "../support/grpc-chain.ts";
import type { Ask } from "../support/grpc-peer.ts";
import type { ProxyKind } from "../support/proxy-program.ts";
import { describeWith } from "../support/tools.ts";

interface Reply {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

const TEXT = { "content-type": "application/grpc-web-text", accept: "application/grpc-web-text" };
const BINARY = { "content-type": "application/grpc-web+proto" };

function messageOf(ask: Ask): Buffer {
  return frameOf(Buffer.from(JSON.stringify(ask)));
}

function base64Of(ask: Ask): Buffer {
  return Buffer.from(messageOf(ask).toString("base64"));
}

/** The messages of a body; trailers, which stand for themselves, as text. */
function framesOf(body: Buffer): string[] {
  const frames: string[] = [];
  const reader = new FrameReader({
    onFrame: (flags) => frames.push(flags === TRAILERS_FLAG ? "trailers: " : ""),
    onFrameData: (bytes, start, end) => {
      frames.push(`${frames.pop() ?? ""}${bytes.toString("utf8", start, end)}`);
    },
  });
  expect(reader.read(body, 0, body.length)).toBe(true);
  expect(reader.complete).toBe(true);
  return frames;
}

function decoded(body: Buffer): Buffer {
  return new Base64Decoder().decode(body, 0, body.length) ?? Buffer.alloc(0);
}

describeWith(["envoy"], "gRPC-Web", () => {
  // Envoy shows that the tests themselves are right.
  describe.each<ProxyKind>(["envoy", "outrigger"])("through %s", (kind) => {
    let chain: GrpcChain;

    beforeAll(async () => {
      chain = await GrpcChain.start([kind], false);
    });

    afterAll(() => chain?.stop());

    async function post(
      name: string,
      headers: Readonly<Record<string, string>>,
      body: Buffer,
      host = "echo.test",
    ): Promise<Reply> {
      const request = http.request({
        port: chain.port,
        host: "127.0.0.1",
        method: "POST",
        path: `/echo.Echo/${name}`,
        headers: { host, "content-length": body.length, ...headers },
        agent: false,
      });
      request.end(body);
      const [response] = (await once(request, "response")) as [http.IncomingMessage];
      const chunks: Buffer[] = await response.toArray();
      const status = response.statusCode ?? 0;
      return { status, headers: response.headers, body: Buffer.concat(chunks) };
    }

    it("a message is answered with messages, and with trailers in the body", async () => {
      const { body, headers } = await post(
        "ServerStream",
        BINARY,
        messageOf({ text: "n", answers: 2 }),
      );
      expect(headers).toMatchObject({ "content-type": "application/grpc-web+proto" });
      expect(headers).not.toHaveProperty("content-length");
      const [first, second, trailers, ...more] = framesOf(body);
      expect([first, second].map((text) => JSON.parse(text ?? "").text)).toEqual(["n 0", "n 1"]);
      expect(trailers).toBe("trailers: grpc-status:0\r\ngrpc-message:OK\r\nx-trailer:last\r\n");
      expect(more).toEqual([]);
    });

    it("text is answered with text", async () => {
      const { body, headers } = await post("Unary", TEXT, base64Of({ text: "é".repeat(40) }));
      expect(headers["content-type"]).toBe("application/grpc-web-text+proto");
      const [answer, trailers] = framesOf(decoded(body));
      expect(JSON.parse(answer ?? "").text).toBe("é".repeat(40));
      expect(trailers).toContain("grpc-status:0\r\n");
    });

    it("a status without a body is in the head", async () => {
      const fail = { code: 5, details: "not here" };
      const { body, headers, status } = await post("Unary", BINARY, messageOf({ text: "", fail }));
      expect(status).toBe(200);
      expect(headers).toMatchObject({ "grpc-status": "5", "grpc-message": "not%20here" });
      expect(body).toHaveLength(0);
    });

    it("the proxy's own answer keeps its status, its text is in the head", async () => {
      const { body, headers, status } = await post(
        "Unary",
        BINARY,
        messageOf({ text: "" }),
        "direct.test",
      );
      expect(status).toBe(403);
      expect(headers).toMatchObject({
        "content-type": "application/grpc-web+proto",
        "grpc-status": "7",
        "grpc-message": "100%25 refused",
        "content-length": "0",
      });
      expect(body).toHaveLength(0);
    });

    it.each([
      ["no base64", Buffer.from("****")],
      ["base64 that breaks off", base64Of({ text: "hello" }).subarray(0, -2)],
    ])("refuses %s", async (_, body) => {
      const { headers, status } = await post("Unary", TEXT, body);
      expect(status).toBe(400);
      expect(headers["grpc-message"]).toBe("Bad gRPC-web request, invalid base64 data.");
      expect(headers["grpc-status"]).toBe("13");
    });
  });
});
