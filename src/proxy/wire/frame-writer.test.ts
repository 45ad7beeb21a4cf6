import { describe, expect, it } from "vitest";
import { FrameWriter } from "./frame-writer.ts";
import type { WritableSocket } from "./socket-writer.ts";

/** A socket that takes what it is given at once, or keeps it until `drains`. */
class FakeSocket implements WritableSocket {
  readonly writes: string[] = [];
  readonly #done: (() => void)[] = [];
  takes = true;
  destroyed = false;
  writableNeedDrain = false;
  writableLength = 0;

  write(data: string | Uint8Array, written?: BufferEncoding | (() => void)): boolean {
    this.writes.push(Buffer.from(data).toString("latin1"));
    if (typeof written !== "function") return true;
    this.#done.push(written);
    if (!this.takes) this.writableLength += data.length;
    return this.takes;
  }

  /** What it has been given is with the kernel. */
  drains(): void {
    this.writableLength = 0;
    for (const done of this.#done.splice(0)) done();
  }

  cork(): void {
    throw new Error("nothing is corked");
  }

  uncork(): void {
    throw new Error("nothing is corked");
  }
}

class Owner {
  readonly events: string[] = [];

  onWritten(bytes: number): void {
    this.events.push(`written ${bytes}`);
  }

  onWriteDrained(): void {
    this.events.push("drained");
  }

  onWriteFlooded(): void {
    this.events.push("flooded");
  }

  onFault(error: unknown): void {
    throw error;
  }
}

interface Bench {
  readonly socket: FakeSocket;
  readonly owner: Owner;
  readonly writer: FrameWriter;
  readonly write: (text: string) => void;
}

function bench(): Bench {
  const socket = new FakeSocket();
  const owner = new Owner();
  const writer = new FrameWriter(socket, owner);
  const write = (text: string): void => {
    writer.room(text.length);
    writer.position += writer.buffer.write(text, writer.position, "latin1");
  };
  return { socket, owner, writer, write };
}

const turnEnd = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const FRAME = "d".repeat(16_393);

describe("a frame writer", () => {
  it("hands over what a turn has written as one write, at its end", async () => {
    const { owner, socket, write } = bench();
    write("head");
    write("data");
    expect(socket.writes).toEqual([]);
    await turnEnd();
    expect(socket.writes).toEqual(["headdata"]);
    expect(owner.events).toEqual(["written 8"]);
  });

  it("holds no buffer while nothing waits", async () => {
    const { writer, write } = bench();
    write("head");
    await turnEnd();
    expect(writer.buffer.length).toBe(0);
    expect(writer.position).toBe(0);
  });

  it("says once when DATA that was held back can go on", async () => {
    const { owner, socket, write, writer } = bench();
    socket.takes = false;
    write(FRAME);
    await turnEnd();
    expect(writer.unsent).toBe(FRAME.length);
    for (let i = 0; i < 7; i++) write(FRAME);
    expect(writer.unsent).toBe(8 * FRAME.length);
    socket.takes = true;
    await turnEnd();
    expect(owner.events).not.toContain("drained");
    socket.drains();
    socket.drains();
    socket.drains();
    expect(owner.events.filter((event) => event === "drained")).toEqual(["drained"]);
    expect(writer.unsent).toBe(0);
  });

  it("says nothing of that where little was written", async () => {
    const { owner, socket, write } = bench();
    write(FRAME);
    await turnEnd();
    socket.drains();
    expect(owner.events).toEqual([`written ${FRAME.length}`]);
  });

  it("counts flushes, behind which nothing can be changed", async () => {
    const { write, writer } = bench();
    write("head");
    expect(writer.flushes).toBe(0);
    await turnEnd();
    expect(writer.flushes).toBe(1);
  });

  it("gathers small frames in one piece as long as the socket holds the last write", async () => {
    const { socket, write } = bench();
    socket.takes = false;
    write("first");
    await turnEnd();
    write("a");
    await turnEnd();
    write("b");
    await turnEnd();
    expect(socket.writes).toEqual(["first"]);
    socket.takes = true;
    socket.drains();
    expect(socket.writes).toEqual(["first", "ab"]);
  });

  it("keeps what was written when a head needs more room than there is", async () => {
    const { socket, write } = bench();
    write("a".repeat(60_000));
    write("b".repeat(60_000));
    await turnEnd();
    expect(socket.writes).toEqual(["a".repeat(60_000) + "b".repeat(60_000)]);
  });

  it("tells its owner when a peer that reads nothing makes it write ever more", async () => {
    const { owner, socket, write } = bench();
    socket.takes = false;
    write("first");
    await turnEnd();
    for (let i = 0; i < 300; i++) write(FRAME);
    expect(owner.events).toContain("flooded");
  });

  it("writes nothing to a socket that is gone", async () => {
    const { socket, write } = bench();
    write("head");
    socket.destroyed = true;
    await turnEnd();
    expect(socket.writes).toEqual([]);
  });
});
