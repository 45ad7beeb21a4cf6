import { EventEmitter } from "node:events";
import type { ReadStream, WriteStream } from "node:tty";
import { stripVTControlCharacters } from "node:util";
import { describe, expect, it } from "vitest";
import { VirtualClock } from "../../base/clock.ts";
import { LiveTable } from "./live-table.ts";
import type { TableRow } from "./rows.ts";

const ROW: TableRow = {
  service: "catalog",
  version: "v1",
  instance: "",
  address: "",
  wanted: undefined,
  measured: undefined,
  requestsPerSecond: 12,
  success: 1,
  p50Ms: 2,
  p99Ms: 9,
};
const INSTANCE: TableRow = { ...ROW, instance: "catalog-1", address: "10.200.0.2" };

/** A terminal that keeps what was drawn since it was last asked. */
function terminal() {
  const input = Object.assign(new EventEmitter(), {
    isTTY: true,
    raw: false,
    setRawMode(raw: boolean): void {
      input.raw = raw;
    },
    resume(): void {},
    pause(): void {},
  });
  let drawn = "";
  const output = {
    columns: 80,
    rows: 24,
    write(text: string): void {
      drawn += text;
    },
  };
  const take = (): string => {
    const text = drawn;
    drawn = "";
    return text;
  };
  return { input, output, take };
}

async function started() {
  const { input, output, take } = terminal();
  const clock = new VirtualClock();
  let quits = 0;
  const table = new LiveTable({
    input: input as unknown as ReadStream,
    output: output as unknown as WriteStream,
    colour: false,
    clock,
    title: () => "outrigger · 1 pod ready",
    notes: ["prometheus  http://10.200.0.1:15014/sd"],
    rows: (withInstances) => Promise.resolve(withInstances ? [ROW, INSTANCE] : [ROW]),
    onQuit: () => {
      quits += 1;
    },
  });
  table.start();
  await settled();
  return { input, clock, table, take, quits: () => quits };
}

/** Lets the promises between a refresh and its drawing run. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await Promise.resolve();
}

const press = (input: EventEmitter, key: string): boolean => input.emit("data", Buffer.from(key));

describe("the live table", () => {
  it("is drawn again in its own place once a second", async () => {
    const { clock, take } = await started();
    const first = take();
    expect(first).toContain(" catalog  v1");
    expect(first.startsWith("\r\n") || first.startsWith("\r\u001b[K")).toBe(true);
    clock.advance(1000);
    await settled();
    const lines = first.split("\n").length - 1;
    expect(take()).toContain(`\u001b[${lines}A`);
  });

  it("shows and hides the instances at the key i", async () => {
    const { input, take } = await started();
    expect(take()).not.toContain("10.200.0.2");
    press(input, "i");
    await settled();
    expect(take()).toContain("10.200.0.2");
    press(input, "i");
    await settled();
    expect(take()).not.toContain("10.200.0.2");
  });

  it.each(["q", "\u0003"])("ends at the key %j", async (key) => {
    const { input, quits } = await started();
    press(input, key);
    expect(quits()).toBe(1);
  });

  it("shows what Outrigger has to say below, and never wider than the terminal", async () => {
    const { table, take } = await started();
    take();
    table.say(`default/x: ${"long ".repeat(40)}`);
    const drawn = take();
    expect(drawn).toContain("default/x: long");
    for (const line of stripVTControlCharacters(drawn).split("\n")) {
      expect(line.trimStart().length).toBeLessThanOrEqual(80);
    }
  });

  it("takes itself away and gives the terminal back", async () => {
    const { input, clock, table, take } = await started();
    expect(input.raw).toBe(true);
    table.stop();
    expect(input.raw).toBe(false);
    expect(take().endsWith("\u001b[J")).toBe(true);
    clock.advance(5000);
    await settled();
    expect(take()).toBe("");
  });
});
