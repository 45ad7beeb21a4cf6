import { expect, it } from "vitest";
import { VirtualClock } from "../base/clock.ts";
import { Convergence } from "./convergence.ts";

it("reports once how long each proxy that was behind has taken", () => {
  const clock = new VirtualClock();
  const reports: number[] = [];
  const convergence = new Convergence(clock, (seconds) => reports.push(seconds));
  clock.advance(1000);
  convergence.begin();
  convergence.expect(["a", "b"]);
  clock.advance(250);
  convergence.synced("a");
  convergence.synced("a");
  clock.advance(250);
  convergence.synced("b");
  convergence.synced("c");
  expect(reports).toEqual([0.25, 0.5]);
});
