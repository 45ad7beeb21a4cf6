import { expect, it } from "vitest";
import { VirtualClock } from "../../base/clock.ts";
import { LogRelay } from "./log-relay.ts";

interface Sent {
  readonly path: string;
  readonly text: string;
  readonly lines: number;
}

function relay(): { clock: VirtualClock; sent: Sent[]; sink: LogRelay } {
  const clock = new VirtualClock();
  const sent: Sent[] = [];
  const sink = new LogRelay("/dev/stdout", clock, (path, text, lines) => {
    sent.push({ path, text, lines });
  });
  return { clock, sent, sink };
}

it("sends lines together after a tenth of a second", () => {
  const { clock, sent, sink } = relay();
  sink.write("one\n");
  sink.write("two\n");
  clock.advance(99);
  expect(sent).toEqual([]);
  clock.advance(1);
  expect(sent).toEqual([{ path: "/dev/stdout", text: "one\ntwo\n", lines: 2 }]);
  clock.advance(1000);
  expect(sent.length).toBe(1);
});

it("sends many lines at once, and the rest when it closes", async () => {
  const { sent, sink } = relay();
  for (let i = 0; i < 17; i++) sink.write(`${"x".repeat(1023)}\n`);
  expect(sent.map(({ lines }) => lines)).toEqual([16]);
  await sink.close();
  expect(sent.map(({ lines }) => lines)).toEqual([16, 1]);
});
