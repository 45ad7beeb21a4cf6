import { expect, it } from "vitest";
import { VirtualClock } from "../../base/clock.ts";
import { CircuitBoard } from "./circuit-board.ts";

const RATINGS = { circuit: "default/ratings", place: "outbound|9080||ratings" };

it("tells of a circuit once, however many proxies find it open", () => {
  const board = new CircuitBoard(new VirtualClock());
  const order = board.opened(RATINGS, "a", 5000);
  expect(order).toEqual({ ...RATINGS, state: "open", reporter: "a", remainingMs: 5000 });
  expect(board.opened(RATINGS, "b", 5000)).toBeUndefined();
});

it("tells whoever comes late how long it is still open", () => {
  const clock = new VirtualClock();
  const board = new CircuitBoard(clock);
  board.opened(RATINGS, "a", 5000);
  clock.advance(2000);
  expect(board.orders).toMatchObject([{ state: "open", remainingMs: 3000 }]);
  clock.advance(3000);
  expect(board.orders).toEqual([]);
});

it("tells again when probes have failed", () => {
  const clock = new VirtualClock();
  const board = new CircuitBoard(clock);
  board.opened(RATINGS, "a", 5000);
  clock.advance(5000);
  expect(board.opened(RATINGS, "b", 5000)).toMatchObject({ state: "open", reporter: "b" });
});

it("tells again of who opens anew, though others would not try yet", () => {
  const clock = new VirtualClock();
  const board = new CircuitBoard(clock);
  board.opened(RATINGS, "a", 5000);
  // The reporter's own sleep began before its report came.
  clock.advance(4950);
  expect(board.opened(RATINGS, "b", 5000)).toBeUndefined();
  expect(board.opened(RATINGS, "a", 5000)).toMatchObject({ state: "open", remainingMs: 5000 });
  clock.advance(4000);
  expect(board.orders).toMatchObject([{ reporter: "a", remainingMs: 1000 }]);
});

it("closes for all when one proxy's probes have succeeded, and once", () => {
  const clock = new VirtualClock();
  const board = new CircuitBoard(clock);
  board.opened(RATINGS, "a", 5000);
  clock.advance(6000);
  expect(board.closed(RATINGS, "b")).toEqual({ ...RATINGS, state: "closed", reporter: "b" });
  expect(board.closed(RATINGS, "a")).toBeUndefined();
});

it("keeps circuits of one policy at two places apart", () => {
  const board = new CircuitBoard(new VirtualClock());
  board.opened(RATINGS, "a", 5000);
  expect(board.opened({ ...RATINGS, place: "other" }, "a", 5000)).toBeDefined();
});
