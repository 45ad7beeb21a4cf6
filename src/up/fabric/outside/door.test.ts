import { mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, it } from "vitest";
import { socketAddress } from "../../../model/address.ts";
import { dialThrough, OutsideDoor } from "./door.ts";

const undo: (() => void)[] = [];
afterEach(() => {
  for (const each of undo.splice(0)) each();
});

async function openDoor(): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), "outrigger-door-"));
  const path = join(folder, "door");
  const door = await OutsideDoor.open(path);
  undo.push(() => {
    door.close();
    rmSync(folder, { recursive: true });
  });
  return path;
}

/** A server that repeats what it hears when the other side has ended. */
async function echo(): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    let heard = "";
    socket.on("data", (piece) => {
      heard += String(piece);
    });
    socket.on("end", () => socket.end(`heard ${heard}`));
  });
  undo.push(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

/** All that comes until the end, however it comes. */
function all(socket: Socket): Promise<string> {
  return text(socket).catch(() => "");
}

describe("a door to the outside", () => {
  it("leads where the first line says, and passes on what follows", async () => {
    const socket = dialThrough(await openDoor())(socketAddress("127.0.0.1", await echo()));
    socket.end("a question");
    expect(await all(socket)).toBe("heard a question");
  });

  it("understands a first line that comes in pieces", async () => {
    const port = await echo();
    const socket = connect({ path: await openDoor(), allowHalfOpen: true });
    for (const piece of ["127.0", `.0.1 ${port}`, "\nwor"]) {
      await new Promise((resolve) => socket.write(piece, resolve));
    }
    socket.end("ds");
    expect(await all(socket)).toBe("heard words");
  });

  it.each([
    { what: "a name", line: "localhost 80\n" },
    { what: "no port", line: "127.0.0.1\n" },
    { what: "port 0", line: "127.0.0.1 0\n" },
    { what: "a port beyond the last", line: "127.0.0.1 65536\n" },
    { what: "more words", line: "127.0.0.1 80 81\n" },
    { what: "a line without end", line: "1".repeat(65) },
  ])("stays shut to $what", async ({ line }) => {
    const socket = connect({ path: await openDoor() });
    socket.on("error", () => {});
    socket.write(line);
    expect(await all(socket)).toBe("");
  });

  it("ends a connection that the outside refuses", async () => {
    const socket = dialThrough(await openDoor())(socketAddress("127.0.0.1", 1));
    socket.on("error", () => {});
    expect(await all(socket)).toBe("");
  });
});
