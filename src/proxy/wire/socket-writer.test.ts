import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ReadBuffer } from "./read-buffer.ts";
import { SocketWriter, type WritableSocket } from "./socket-writer.ts";

interface Write {
  readonly data: string | Uint8Array;
  readonly done: () => void;
}

/** A socket whose writes stay under way until the test says that they are done. */
class SlowSocket implements WritableSocket {
  readonly writableNeedDrain = false;
  readonly writableLength = 0;
  destroyed = false;
  /** Of each system call, what it was given. */
  readonly calls: Write[][] = [];
  #corked: Write[] | undefined;

  write(data: string | Uint8Array, then: string | (() => void)): boolean {
    const write = { data, done: typeof then === "function" ? then : (): void => undefined };
    if (this.#corked === undefined) this.calls.push([write]);
    else this.#corked.push(write);
    return true;
  }

  cork(): void {
    this.#corked ??= [];
  }

  uncork(): void {
    if (this.#corked !== undefined) this.calls.push(this.#corked);
    this.#corked = undefined;
  }

  /** What the peer sees when the writes are done now. */
  finish(): string {
    const writes = this.calls.splice(0).flat();
    const bytes = writes.map(({ data }) => Buffer.from(data as string, "latin1"));
    for (const { done } of writes) done();
    return Buffer.concat(bytes).toString("latin1");
  }
}

const OWNER = { onWriteBlocked: () => {}, onWritten: () => {}, onFault: () => {} };

/** Reads as a socket does: into whatever buffer is next, and hands it on. */
function reader(): (text: string, take: (bytes: Buffer) => void) => void {
  let taker: (bytes: Buffer) => void = () => undefined;
  const reads = new ReadBuffer((bytes) => taker(bytes));
  return (text, take) => {
    taker = take;
    const length = reads.next().write(text, 0, "latin1");
    expect(length).toBe(text.length);
    reads.read(length);
  };
}

describe("what is written in a turn", () => {
  it("goes out in one system call, be it head and body", () => {
    const socket = new SlowSocket();
    const writer = new SocketWriter(socket, OWNER);
    writer.text("head");
    writer.bytes(Buffer.alloc(20_000, "b"), 0, 20_000);
    writer.text("tail");
    writer.flush();
    expect(socket.calls).toHaveLength(1);
    expect(socket.finish()).toBe(`head${"b".repeat(20_000)}tail`);
  });

  it("goes out in one system call, be it head and borrowed body", () => {
    const socket = new SlowSocket();
    const writer = new SocketWriter(socket, OWNER);
    const read = reader();
    read("-".repeat(65_536), () => undefined);
    read("x".repeat(40_000), (bytes) => {
      writer.text("head");
      writer.bytes(bytes, 0, bytes.length);
      writer.flush();
    });
    expect(socket.calls).toHaveLength(1);
    expect(socket.finish()).toBe(`head${"x".repeat(40_000)}`);
  });
});

it("text, copies and borrowed bytes stay in their order, whatever is read meanwhile", () => {
  const size = fc.oneof(
    fc.integer({ min: 1, max: 5000 }),
    fc.integer({ min: 10_000, max: 50_000 }),
    fc.constant(65_536),
    fc.integer({ min: 60_000, max: 262_144 }),
  );
  const step = fc.record({ kind: fc.constantFrom("text", "read", "finish"), size });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const socket = new SlowSocket();
      const writer = new SocketWriter(socket, OWNER);
      const read = reader();
      let [sent, seen] = ["", ""];
      read("-".repeat(65_536), () => undefined);
      for (const [i, step] of steps.entries()) {
        const text = String.fromCharCode(0x41 + (i % 26)).repeat(step.size);
        if (step.kind === "finish") seen += socket.finish();
        else if (step.kind === "text") writer.text(text);
        else readSome(read, writer, text);
        if (step.kind !== "finish") sent += text;
      }
      writer.flush();
      seen += socket.finish();
      expect(seen === sent).toBe(true);
    }),
    { numRuns: 50 },
  );
});

/** In reads that the current buffer has room for. */
function readSome(read: ReturnType<typeof reader>, writer: SocketWriter, text: string): void {
  for (let at = 0; at < text.length; at += 65_536) {
    read(text.slice(at, at + 65_536), (bytes) => writer.bytes(bytes, 0, bytes.length));
  }
}

it("what is written to a destroyed socket goes nowhere", () => {
  const socket = new SlowSocket();
  const writer = new SocketWriter(socket, OWNER);
  writer.bytes(Buffer.alloc(20_000), 0, 20_000);
  writer.text("tail");
  socket.destroyed = true;
  writer.flush();
  expect(socket.finish()).toBe("");
});
