import { expect, it } from "vitest";
import { VirtualClock } from "../base/clock.ts";
import { Deadline } from "./deadline.ts";

function setUp() {
  const clock = new VirtualClock();
  const fired: number[] = [];
  const deadline = new Deadline(
    clock,
    { onFault: () => undefined, onDeadline: () => fired.push(clock.now()) },
    "any",
  );
  return { clock, fired, deadline };
}

it("fires once, when it is due", () => {
  const { clock, fired, deadline } = setUp();
  deadline.set(clock.now(), 100);
  clock.advance(1000);
  expect(fired).toEqual([100]);
});

it("fires at the latest time that was set", () => {
  const { clock, fired, deadline } = setUp();
  deadline.set(clock.now(), 100);
  clock.advance(60);
  deadline.set(clock.now(), 100);
  clock.advance(1000);
  expect(fired).toEqual([160]);
});

it("fires earlier when it is set to an earlier time", () => {
  const { clock, fired, deadline } = setUp();
  deadline.set(clock.now(), 100);
  deadline.set(clock.now(), 10);
  clock.advance(1000);
  expect(fired).toEqual([10]);
});

it("does not fire once cleared, and can be set again", () => {
  const { clock, fired, deadline } = setUp();
  deadline.set(clock.now(), 100);
  deadline.clear();
  clock.advance(50);
  deadline.set(clock.now(), 100);
  clock.advance(1000);
  expect(fired).toEqual([150]);
});
