import { expect, it } from "vitest";
import { ActiveFaults, activeFaultCells, endFaults } from "./active-faults.ts";

it("faults are bounded over all workers", () => {
  const cells = activeFaultCells(2);
  const [one, other] = [new ActiveFaults(cells, 0), new ActiveFaults(cells, 1)];
  expect([one.take(2), other.take(2), one.take(2), other.take(undefined)]).toEqual([
    true,
    true,
    false,
    true,
  ]);
  other.release();
  other.release();
  expect(one.take(2)).toBe(true);
});

it("a worker that ends gives its faults back", () => {
  const cells = activeFaultCells(2);
  const [one, other] = [new ActiveFaults(cells, 0), new ActiveFaults(cells, 1)];
  one.take(undefined);
  one.take(undefined);
  other.take(undefined);
  endFaults(cells, 0);
  expect([other.take(2), other.take(2)]).toEqual([true, false]);
});
