import { describe, expect, it } from "vitest";
import { VirtualClock } from "../base/clock.ts";
import { PushQueue } from "./push-queue.ts";

function queueOn(clock: VirtualClock): { queue: PushQueue; pushes: number[] } {
  const pushes: number[] = [];
  const queue = new PushQueue(clock, () => pushes.push(clock.now()));
  return { queue, pushes };
}

describe("PushQueue", () => {
  it("makes one push of a burst, once it is quiet", () => {
    const clock = new VirtualClock();
    const { queue, pushes } = queueOn(clock);
    queue.configurationChanged();
    clock.advance(20);
    queue.configurationChanged();
    clock.advance(20);
    queue.configurationChanged();
    clock.advance(100);
    expect(pushes).toEqual([65]);
  });

  it("does not wait for ever where changes never end", () => {
    const clock = new VirtualClock();
    const { queue, pushes } = queueOn(clock);
    for (let change = 0; change < 30; change++) {
      queue.configurationChanged();
      clock.advance(10);
    }
    expect(pushes[0]).toBe(250);
  });

  it("pushes endpoints at once, together with what is waiting", () => {
    const clock = new VirtualClock();
    const { queue, pushes } = queueOn(clock);
    queue.configurationChanged();
    clock.advance(10);
    queue.endpointsChanged();
    expect(pushes).toEqual([10]);
    clock.advance(100);
    expect(pushes).toEqual([10]);
  });

  it("says nothing once it is stopped", () => {
    const clock = new VirtualClock();
    const { queue, pushes } = queueOn(clock);
    queue.configurationChanged();
    queue.stop();
    clock.advance(100);
    expect(pushes).toEqual([]);
  });
});
