import { EventEmitter } from "node:events";
import { beforeAll, beforeEach, describe, expect, it } from "vitest";
import { helloOf } from "../../../test/support/client-hello.ts";
import { VirtualClock } from "../../base/clock.ts";
import type { Accepted } from "./accepted.ts";
import { Peek, type Peeked, type PeekOptions, type PeekOwner, SILENT } from "./first-bytes.ts";

const TIMEOUT_MS = 15_000;
const REQUEST = Buffer.from("GET / HTTP/1.1\r\n");

/** What a peek uses of a socket. */
class FakeSocket extends EventEmitter {
  destroyed = false;

  resume(): void {
    // Bytes come when the test says so.
  }

  destroy(): void {
    this.destroyed = true;
  }
}

let clock: VirtualClock;
let socket: FakeSocket;
let heard: (Peeked | string)[];
let goesOn: boolean;
let hello: Buffer;

beforeAll(async () => {
  hello = await helloOf({ servername: "a.example", ALPNProtocols: ["h2"] });
});

beforeEach(() => {
  clock = new VirtualClock();
  socket = new FakeSocket();
  heard = [];
  goesOn = false;
});

const owner: PeekOwner = {
  onPeeked: (peeked) => heard.push(peeked),
  onPeekTimeout: () => {
    heard.push("timeout");
    return goesOn;
  },
  onPeekFailed: (why) => heard.push(why),
  onFault: (error) => {
    throw error;
  },
};

function peek(more: Partial<PeekOptions> = {}, first: Buffer = Buffer.alloc(0)): void {
  const options = { clock, timeoutMs: TIMEOUT_MS, hello: true, request: true, ...more };
  const accepted = { socket, fresh: true } as unknown as Accepted;
  new Peek(accepted, owner, options).start(first);
}

const AS_TLS = { transport: "tls", serverName: "a.example", applicationProtocols: ["h2"] };
const AS_HTTP = { ...SILENT, applicationProtocols: ["http/1.1"] };

describe("the first bytes", () => {
  it("are a hello's, wherever they are cut, and all of them are handed on", () => {
    for (let cut = 1; cut < hello.length; cut++) {
      heard = [];
      socket = new FakeSocket();
      peek();
      socket.emit("data", hello.subarray(0, cut));
      expect(heard).toEqual([]);
      socket.emit("data", hello.subarray(cut));
      expect(heard).toMatchObject([{ says: AS_TLS, bytes: hello }]);
    }
  });

  it("are a request's where they are no hello's", () => {
    peek();
    socket.emit("data", REQUEST);
    expect(heard).toMatchObject([{ says: AS_HTTP, hello: undefined, bytes: REQUEST }]);
  });

  it("are no hello's, which is enough where nobody asks for a request", () => {
    peek({ request: false });
    socket.emit("data", Buffer.from("G"));
    expect(heard).toMatchObject([{ says: SILENT }]);
  });

  it("may have been read already", () => {
    peek({}, REQUEST);
    expect(heard).toMatchObject([{ says: AS_HTTP }]);
  });

  it("are nobody's once they are known", () => {
    peek();
    socket.emit("data", REQUEST);
    expect(socket.eventNames()).toEqual([]);
    clock.advance(TIMEOUT_MS);
    expect(heard).toHaveLength(1);
  });
});

describe("a client that stays silent", () => {
  it("is closed in time", () => {
    peek();
    clock.advance(TIMEOUT_MS);
    expect(heard).toEqual(["timeout"]);
    expect(socket.destroyed).toBe(true);
  });

  it("is served as if it had spoken, where the listener says so", () => {
    goesOn = true;
    peek();
    clock.advance(TIMEOUT_MS);
    expect(heard).toMatchObject(["timeout", { says: SILENT }]);
    expect(socket.destroyed).toBe(false);
  });

  it("is waited for without end, where the listener says so", () => {
    peek({ timeoutMs: 0 });
    clock.advance(10 * TIMEOUT_MS);
    expect(heard).toEqual([]);
  });
});

describe("a client that ends", () => {
  it("in its hello is gone", () => {
    peek();
    socket.emit("data", hello.subarray(0, 20));
    socket.emit("end");
    expect(heard).toEqual(["gone"]);
    expect(socket.destroyed).toBe(true);
  });

  it("in a request may have spoken another protocol", () => {
    peek({ hello: false });
    socket.emit("data", Buffer.from("GE"));
    socket.emit("end");
    expect(heard).toMatchObject([{ says: SILENT }]);
  });

  it("in a request ends for whoever takes it over", () => {
    let ends = 0;
    const taking = { ...owner, onPeeked: () => socket.on("end", () => ends++) };
    const accepted = { socket, fresh: true } as unknown as Accepted;
    new Peek(accepted, taking, { clock, timeoutMs: 0, hello: false, request: true }).start(
      Buffer.alloc(0),
    );
    socket.emit("data", Buffer.from("GE"));
    socket.emit("end");
    expect(ends).toBe(1);
  });
});

it("refuses a hello that is too long", () => {
  peek();
  socket.emit("data", Buffer.from([22, 3, 1, 0x3f, 0xff, 1, 0, 0xff, 0xff]));
  expect(heard).toEqual(["tooLong"]);
  expect(socket.destroyed).toBe(true);
});
