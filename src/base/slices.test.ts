import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, it } from "vitest";
import { VirtualClock } from "./clock.ts";
import { Slices } from "./slices.ts";

/** Ten pieces of work of one millisecond each. */
function* work(clock: VirtualClock, done: number[]): Generator<void, string> {
  for (let piece = 0; piece < 10; piece++) {
    clock.advance(1);
    done.push(piece);
    yield;
  }
  return "all";
}

it("works for 4 ms a turn", async () => {
  const clock = new VirtualClock();
  const done: number[] = [];
  const slices = new Slices(clock);
  slices.begin();
  const result = slices.run(work(clock, done));
  const seen = [done.length];
  for (let turn = 0; turn < 2; turn++) {
    await nextTurn();
    seen.push(done.length);
  }
  expect(seen).toEqual([4, 8, 10]);
  expect(await result).toBe("all");
});

it("does not give up its turn for little work", async () => {
  const slices = new Slices(new VirtualClock());
  slices.begin();
  let turned = false;
  void nextTurn().then(() => {
    turned = true;
  });
  await slices.run(work(new VirtualClock(), []));
  expect(turned).toBe(false);
});
