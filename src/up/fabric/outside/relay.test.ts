import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { socketAddress } from "../../../model/address.ts";
import { dialDirectly } from "./door.ts";
import { OutsideRelay } from "./relay.ts";

const toClose: { close(): void }[] = [];
afterEach(() => {
  for (const each of toClose.splice(0)) each.close();
});

/** A server outside; port 0 of the result where none is wanted. */
async function outside(serve: (socket: Socket) => void): Promise<number> {
  const server: Server = createServer({ allowHalfOpen: true }, serve);
  toClose.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

async function relayTo(host: string, port: number): Promise<Socket> {
  const relay = await OutsideRelay.open({
    listen: { host: "127.0.0.1", port: 0 },
    closedRanges: ["240.240.0.0/16"],
    dial: dialDirectly,
    destinationOf: () => (port === 0 ? undefined : socketAddress(host, port)),
  });
  toClose.push(relay);
  return connect({ host: "127.0.0.1", port: relay.port, allowHalfOpen: true });
}

/** All that comes until the other side ends, or the error's code. */
function all(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    socket.setEncoding("utf8").on("data", (piece: string) => {
      text += piece;
    });
    socket.on("end", () => resolve(text));
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""));
  });
}

describe("the pods' way out", () => {
  it("carries both directions, and the end of each by itself", async () => {
    const port = await outside((socket) => {
      let asked = "";
      socket.on("data", (piece) => {
        asked += String(piece);
      });
      socket.on("end", () => socket.end(`heard ${asked}`));
    });
    const client = await relayTo("127.0.0.1", port);
    client.end("a question");
    expect(await all(client)).toBe("heard a question");
  });

  it("passes on a server's first words", async () => {
    const port = await outside((socket) => socket.end("220 hello"));
    expect(await all(await relayTo("127.0.0.1", port))).toBe("220 hello");
  });

  it.each([
    { what: "a server that refuses", host: "127.0.0.1", port: 1 },
    { what: "a virtual address", host: "240.240.0.9", port: 80 },
    { what: "a connection that nobody redirected", host: "", port: 0 },
  ])("resets a connection to $what", async ({ host, port }) => {
    expect(await all(await relayTo(host, port))).toBe("ECONNRESET");
  });

  it("passes on a server's reset", async () => {
    const port = await outside((socket) => socket.resetAndDestroy());
    expect(await all(await relayTo("127.0.0.1", port))).toBe("ECONNRESET");
  });
});
