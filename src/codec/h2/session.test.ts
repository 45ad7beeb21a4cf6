import { describe, expect, it } from "vitest";
import { FrameText } from "../../../test/support/h2-notation.ts";
import {
  End,
  getFrame,
  headersOf,
  Pair,
  reads,
  serverAfter,
} from "../../../test/support/h2-pair.ts";
import { HeaderTable } from "../http/header-table.ts";
import { CANCEL, CONNECTION_LOST, NO_ERROR, REFUSED_STREAM } from "./error-code.ts";
import { PREFACE } from "./frame/frame-type.ts";

const HELLO = Buffer.from("hello");
const NO_HEADERS = new HeaderTable();
const LARGE = Buffer.alloc(300_000, "x");

function streamOf(end: End, index = 0) {
  const stream = end.accepted[index]?.stream;
  if (stream === undefined) throw new Error("no stream was accepted");
  return stream;
}

describe("the start", () => {
  it("of a client is the preface, SETTINGS without push, and the connection's window", () => {
    const client = new End("client");
    const bytes = client.output.flush();
    expect(bytes.subarray(0, PREFACE.length)).toEqual(PREFACE);
    expect(bytes.subarray(PREFACE.length).toString("hex")).toBe(
      "0000120400000000000002000000000004010000000006" +
        "0000f000" +
        "00000408000000000001" +
        "7f0001",
    );
  });

  it("of a server is SETTINGS and the connection's window", () => {
    const server = new End("server", { enableConnectProtocol: true });
    expect(server.written()).toEqual(["SETTINGS", "WINDOW_UPDATE 0 25100289"]);
  });

  it("tells a client whether extended CONNECT is understood", () => {
    expect(new Pair({}, { enableConnectProtocol: true }).client.session.extendedConnect).toBe(true);
    expect(new Pair().client.session.extendedConnect).toBe(false);
  });
});

describe("the end of a message", () => {
  it("goes with the last frame, as long as nobody has seen that", () => {
    const { client, server } = new Pair();
    const asked = client.ask("POST", false);
    asked.stream?.sendData(HELLO, 0, 5);
    asked.stream?.end();
    const frames = new FrameText();
    expect(client.written(frames).filter((line) => !line.startsWith(" "))).toEqual([
      "HEADERS 1",
      'DATA 1 END_STREAM "hello"',
    ]);
    expect(server.accepted).toEqual([]);
  });

  it("is a frame of its own after a flush", () => {
    const { client } = new Pair();
    const asked = client.ask("POST", false);
    client.output.flush();
    asked.stream?.end();
    expect(client.written()).toEqual(["DATA 1 END_STREAM"]);
  });

  it("are trailers, behind what is queued", () => {
    const pair = new Pair({}, { initialStreamWindowSize: 65_535 });
    const asked = pair.client.ask("POST", false);
    asked.stream?.sendData(LARGE, 0, LARGE.length);
    const trailers = headersOf({ "grpc-status": "0" });
    asked.stream?.sendTrailers(trailers);
    trailers.reset();
    pair.run();
    expect(pair.server.accepted[0]).toMatchObject({ bytes: 300_000, trailers: 1, ended: true });
  });
});

describe("a head", () => {
  it("larger than a frame goes on in CONTINUATION", () => {
    const pair = new Pair({}, { maxHeaderListBytes: 100_000 });
    const asked = pair.client.ask(
      "GET",
      true,
      headersOf({ "x-a": "\u00e9".repeat(50_000), "x-b": "c" }),
    );
    pair.run();
    const { headers } = pair.server.accepted[0]?.message ?? asked.message;
    expect(headers.joined("x-a")).toBe("\u00e9".repeat(50_000));
    expect(headers.joined("x-b")).toBe("c");
  });

  it("is written without what has no place in HTTP/2", () => {
    const pair = new Pair();
    const hop = { connection: "x", "keep-alive": "1", upgrade: "a", te: "gzip", host: "b" };
    pair.client.ask("GET", true, headersOf({ ...hop, "x-a": "b" }));
    pair.run();
    const headers = pair.server.accepted[0]?.message.headers;
    expect(headers?.count).toBe(2);
    expect(headers?.joined("x-a")).toBe("b");
    expect(headers?.joined("host")).toBe("a:80");
  });

  it("says how many bytes it took", () => {
    const { client } = new Pair();
    const stream = client.session.openStream(client.ask());
    client.output.flush();
    const bytes = stream.sendRequest("GET", "http", "a", "/", "", NO_HEADERS, true);
    expect(bytes).toBe(client.output.flush().length);
  });
});

describe("what waits to be sent", () => {
  it("blocks its owner beyond 64 KiB, and lets it go on below 16 KiB", () => {
    const pair = new Pair({}, { initialStreamWindowSize: 65_535 });
    const asked = pair.client.ask("POST", false);
    asked.stream?.sendData(LARGE, 0, 65_535 + 65_536);
    expect([asked.blocked, asked.stream?.queuedBytes]).toEqual([false, 65_536]);
    asked.stream?.sendData(LARGE, 0, 1);
    expect(asked.blocked).toBe(true);
    pair.run();
    expect([asked.blocked, asked.stream?.queuedBytes]).toEqual([false, 0]);
    expect(pair.server.accepted[0]?.bytes).toBe(65_535 + 65_537);
  });

  it("lets its owner go on also where that has said all: others may depend on it", () => {
    const pair = new Pair({}, { initialStreamWindowSize: 65_535 });
    const asked = pair.client.ask("POST", false);
    asked.stream?.sendData(LARGE, 0, LARGE.length);
    asked.stream?.end();
    expect(asked.blocked).toBe(true);
    pair.run();
    expect(asked.blocked).toBe(false);
    expect(pair.server.accepted[0]).toMatchObject({ bytes: LARGE.length, ended: true });
  });

  it("waits while the socket has 128 KiB to take", () => {
    const pair = new Pair();
    pair.client.output.held = 128 * 1024;
    const asked = pair.client.ask("POST", false);
    asked.stream?.sendData(HELLO, 0, 5);
    expect(pair.client.written().at(-1)).toBe("  :path: /");
    pair.client.output.held = 0;
    pair.client.session.pump();
    expect(pair.client.written()).toEqual(['DATA 1 "hello"']);
  });

  it("takes turns of one frame each", () => {
    const pair = new Pair();
    pair.client.output.held = 128 * 1024;
    for (const size of [40_000, 40_000, 100]) {
      pair.client.ask("POST", false).stream?.sendData(LARGE, 0, size);
    }
    pair.client.output.flush();
    pair.client.output.held = 0;
    pair.client.session.pump();
    expect(pair.client.written()).toEqual([
      "DATA 1 16384x",
      "DATA 3 16384x",
      "DATA 5 100x",
      "DATA 1 16384x",
      "DATA 3 16384x",
      "DATA 1 7232x",
      "DATA 3 7232x",
    ]);
  });

  it("holds nobody else up where the stream's own window is used up", () => {
    const pair = new Pair({}, { initialStreamWindowSize: 65_535 });
    const stalled = pair.client.ask("POST", false);
    pair.run();
    streamOf(pair.server).pause();
    stalled.stream?.sendData(LARGE, 0, LARGE.length);
    pair.run();
    expect(pair.server.accepted[0]?.bytes).toBe(65_535);
    for (let i = 0; i < 500; i++) {
      const other = pair.client.ask("POST", false);
      other.stream?.sendData(LARGE, 0, 60_000);
      other.stream?.end();
      pair.run();
      expect(pair.server.accepted.at(-1)).toMatchObject({ bytes: 60_000, ended: true });
      streamOf(pair.server, i + 1).reset(NO_ERROR);
    }
    streamOf(pair.server).resume();
    pair.run();
    expect(pair.server.accepted[0]?.bytes).toBe(LARGE.length);
  });

  it("is dropped with a reset, and what is sent later too", () => {
    const pair = new Pair({}, { initialStreamWindowSize: 65_535 });
    const { stream } = pair.client.ask("POST", false);
    stream?.sendData(LARGE, 0, LARGE.length);
    stream?.reset(CANCEL);
    stream?.sendData(HELLO, 0, 5);
    stream?.end();
    pair.run();
    expect(pair.server.accepted[0]).toMatchObject({ bytes: 65_535, reset: CANCEL });
    expect(pair.client.session.openStreams).toBe(0);
  });

  it("waits while SETTINGS have made the window negative", () => {
    const server = serverAfter(getFrame(1));
    const stream = streamOf(server);
    stream.sendResponse(200, NO_HEADERS, false);
    stream.sendData(LARGE, 0, 1000);
    reads(server, "SETTINGS INITIAL_WINDOW_SIZE=500\n");
    stream.sendData(HELLO, 0, 5);
    server.output.flush();
    reads(server, "WINDOW_UPDATE 1 500\n");
    expect(server.written()).toEqual([]);
    reads(server, "WINDOW_UPDATE 1 3\n");
    expect(server.written()).toEqual(['DATA 1 "hel"']);
  });
});

describe("GOAWAY", () => {
  it("in peace takes what is under way, and the real one follows a round trip later", () => {
    const pair = new Pair();
    pair.server.session.drain();
    const late = pair.client.ask();
    pair.carry(pair.client, pair.server);
    pair.run();
    expect(pair.client.events.filter((event) => event.startsWith("goaway"))).toEqual([
      "goaway 2147483647 0",
      "goaway 1 0",
    ]);
    streamOf(pair.server).sendResponse(200, NO_HEADERS, true);
    pair.run();
    expect(late.ended).toBe(true);
    expect(pair.client.session.canOpen).toBe(false);
  });

  it("resets what the peer has surely not processed", () => {
    const pair = new Pair();
    pair.client.ask();
    pair.run();
    const late = pair.client.ask();
    pair.server.session.goAway(NO_ERROR);
    pair.run();
    expect(late.reset).toBe(REFUSED_STREAM);
    expect(pair.server.accepted).toHaveLength(1);
    expect(pair.server.session.openStreams).toBe(1);
  });

  it("refuses a stream that has no id yet", () => {
    const pair = new Pair();
    const owner = pair.client.ask();
    const stream = pair.client.session.openStream(owner);
    pair.server.session.goAway(NO_ERROR);
    pair.run();
    expect(stream.sendRequest("GET", "http", "a", "/", "", NO_HEADERS, true)).toBe(0);
    expect(pair.client.session.openStreams).toBe(0);
  });
});

describe("a session", () => {
  it("opens no more streams than the peer takes", () => {
    const pair = new Pair({}, { maxConcurrentStreams: 2 });
    pair.client.ask();
    expect(pair.client.session.canOpen).toBe(true);
    pair.client.ask();
    expect(pair.client.session.canOpen).toBe(false);
    pair.run();
    streamOf(pair.server).sendResponse(204, NO_HEADERS, true);
    pair.run();
    expect(pair.client.session.canOpen).toBe(true);
  });

  it("opens no more streams than it wants itself", () => {
    const pair = new Pair({ maxConcurrentStreams: 1 });
    pair.client.ask();
    expect(pair.client.session.canOpen).toBe(false);
  });

  it("may open another stream as soon as it says that one has ended", () => {
    const pair = new Pair({}, { maxConcurrentStreams: 1 });
    const told: boolean[] = [];
    pair.client.onStreamClosed = () => told.push(pair.client.session.canOpen);
    pair.client.ask();
    pair.run();
    streamOf(pair.server).sendResponse(204, NO_HEADERS, true);
    pair.run();
    expect(told).toEqual([true]);
  });

  it("announces output once between two flushes", () => {
    const { client } = new Pair();
    client.events.length = 0;
    client.ask();
    client.ask();
    expect(client.events).toEqual(["output"]);
    client.output.flush();
    client.ask();
    expect(client.events).toEqual(["output", "output"]);
  });

  it("hears that the peer lives", () => {
    const pair = new Pair();
    pair.client.session.ping();
    pair.run();
    expect(pair.client.events).toContain("pong");
  });

  it("loses its streams with its socket, and writes nothing more", () => {
    const pair = new Pair();
    const asked = pair.client.ask("POST", false);
    pair.run();
    pair.client.session.disconnect();
    expect(asked.reset).toBe(CONNECTION_LOST);
    asked.stream?.sendData(HELLO, 0, 5);
    pair.client.session.ping();
    pair.client.session.goAway(NO_ERROR);
    expect(pair.client.output.flush()).toHaveLength(0);
    expect(pair.client.session.openStreams).toBe(0);
  });

  it("loses all of many streams, whichever others their owners give up", () => {
    const pair = new Pair();
    const asked = Array.from({ length: 300 }, () => pair.client.ask());
    for (const [i, owner] of asked.entries()) {
      owner.onReset = (code) => {
        owner.reset = code;
        asked[(i * 7) % 300]?.stream?.reset(CANCEL);
      };
    }
    pair.run();
    pair.client.session.disconnect();
    expect(pair.client.session.openStreams).toBe(0);
    expect(pair.client.events.filter((event) => event.startsWith("closed"))).toHaveLength(300);
  });

  it("goes on to send where an owner throws", () => {
    const pair = new Pair();
    pair.client.output.held = 128 * 1024;
    const faulty = pair.client.ask("POST", false);
    const other = pair.client.ask("POST", false);
    faulty.stream?.sendData(LARGE, 0, 70_000);
    other.stream?.sendData(LARGE, 0, 70_000);
    faulty.onWritable = () => {
      throw new Error("a fault");
    };
    pair.client.output.held = 0;
    expect(() => pair.client.session.pump()).toThrow("a fault");
    expect(other.stream?.queuedBytes).toBeGreaterThan(0);
    pair.client.output.flush();
    pair.client.session.pump();
    expect(other.stream?.queuedBytes).toBe(0);
  });

  it("gives a paused stream no further window, and the connection all of it", () => {
    const server = new End("server", {
      initialStreamWindowSize: 65_535,
      initialConnectionWindowSize: 65_535,
    });
    reads(
      server,
      `PREFACE\nSETTINGS\n${getFrame(1).replace(" END_STREAM", "").replace("GET", "POST")}`,
    );
    server.output.flush();
    streamOf(server).pause();
    reads(server, "DATA 1 16000x * 3\n");
    expect(server.written()).toEqual(["WINDOW_UPDATE 0 48000"]);
    streamOf(server).resume();
    expect(server.written()).toEqual(["WINDOW_UPDATE 1 48000"]);
  });

  it("keeps streams for the next requests until it shall drop them", () => {
    const pair = new Pair();
    const streams = [1, 2, 3].map((turn) => {
      if (turn === 3) pair.server.session.dropSpares();
      const asked = pair.client.ask();
      pair.run();
      const stream = pair.server.accepted.at(-1)?.stream;
      stream?.sendResponse(200, NO_HEADERS, true);
      pair.run();
      expect(asked.ended).toBe(true);
      return stream;
    });
    expect(streams[1]).toBe(streams[0]);
    expect(streams[2]).not.toBe(streams[0]);
  });
});
