import { expect, it } from "vitest";
import { End, headersOf, reads } from "../../../../test/support/h2-pair.ts";
import { Http2Request } from "../../../codec/h2/request.ts";
import { RequestHead } from "../../route/request-head.ts";
import type { StreamHandler } from "../stream-handler.ts";
import type { UpstreamStream } from "../upstream-stream.ts";
import { ClientStream, reasonOf, type StreamCarrier } from "./client-stream.ts";

/** A request that is told what becomes of it. */
class Asking implements StreamHandler {
  readonly told: string[] = [];
  stream: UpstreamStream | undefined;

  onConnection(stream: UpstreamStream): void {
    this.stream = stream;
  }

  onNoConnection(): void {}
  onResponseHead(): void {}
  onResponseData(): void {}
  onResponseTrailers(): void {}

  onResponseEnd(): void {
    this.told.push("end");
  }

  onTunnelData(): void {}
  onTunnelEnd(): void {}

  onReset(reason: string): void {
    this.told.push(reason);
  }

  onUpstreamBlocked(): void {}
  onUpstreamDrained(): void {}
  onFault(_error: unknown): void {}
}

function carrierOf(client: End, free: ClientStream[]): StreamCarrier {
  return {
    tls: undefined,
    localAddress: "",
    carries: "",
    forwardsTrailers: true,
    failure: "",
    openStream: (owner) => client.session.openStream(owner),
    reasonOf,
    onStreamFree: (stream) => free.push(stream),
    onFault: () => {},
  };
}

/** The next request on that stream. */
function asks(
  stream: ClientStream,
  body: "none" | "chunked",
  asking: Asking = new Asking(),
): Asking {
  const message = new Http2Request();
  message.body = body;
  const head = new RequestHead(headersOf({}));
  head.method = body === "none" ? "GET" : "POST";
  head.path = "/";
  head.authority = "a";
  head.scheme = "http";
  stream.begin(asking);
  stream.sendHead(head, message);
  return asking;
}

it("an early answer leaves nothing behind that could reach the next request", () => {
  const client = new End("client");
  reads(client, "SETTINGS INITIAL_WINDOW_SIZE=0\n");
  client.output.flush();
  const free: ClientStream[] = [];
  const stream = new ClientStream(carrierOf(client, free));
  const first = asks(stream, "chunked");
  stream.sendData(Buffer.from("waits for a window"), 0, 18);
  stream.sendEnd();
  reads(client, "HEADERS 1 END_STREAM\n  :status: 200\n");
  expect(first.told).toEqual(["end"]);
  expect(free).toEqual([stream]);
  const second = asks(stream, "none");
  reads(client, "RST_STREAM 1 NO_ERROR\n");
  expect(second.told).toEqual([]);
  expect(client.session.openStreams).toBe(1);
  expect(client.written().filter((line) => line.startsWith("RST"))).toEqual([
    "RST_STREAM 1 CANCEL",
  ]);
});

/** One that makes a mistake with the first bytes of its answer. */
class Clumsy extends Asking {
  override onResponseData(): void {
    throw new Error("clumsy");
  }

  override onFault(error: unknown): void {
    this.told.push(String(error));
  }
}

it("a mistake with one answer costs that stream, and no other", () => {
  const client = new End("client");
  reads(client, "SETTINGS\n");
  client.output.flush();
  const free: ClientStream[] = [];
  const carrier = carrierOf(client, free);
  const [clumsy, other] = [new ClientStream(carrier), new ClientStream(carrier)];
  const first = asks(clumsy, "none", new Clumsy());
  const second = asks(other, "none");
  const answer = (id: number): string =>
    `HEADERS ${id}\n  :status: 200\nDATA ${id} END_STREAM "hi"\n`;
  reads(client, `${answer(1)}${answer(3)}`);
  expect(first.told).toEqual(["Error: clumsy"]);
  expect(second.told).toEqual(["end"]);
  expect(free).toEqual([clumsy, other]);
  expect(client.written()).toContain("RST_STREAM 1 CANCEL");
  expect(client.session.openStreams).toBe(0);
});
