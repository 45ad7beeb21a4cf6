import { describe, expect, it } from "vitest";
import { type Chart, toCsv, toSvg } from "./chart.ts";

const CHART: Chart = {
  title: "A hop by connections",
  xTitle: "connections, in flight",
  yTitle: "CPU us a request",
  xs: [1, 10, 100],
  lines: [
    { name: "envoy", ys: [20, 10, 40] },
    { name: "outrigger", ys: [10, null, 40] },
  ],
};

describe("a chart", () => {
  it("writes its numbers as lines, with nothing where nothing was measured", () => {
    expect(toCsv(CHART)).toBe(
      "connections in flight,envoy,outrigger\n1,20.0,10.0\n10,10.0,\n100,40.0,40.0\n",
    );
  });

  it("draws a point for each number that was measured", () => {
    expect(toSvg(CHART).match(/<circle /g)).toHaveLength(5);
  });

  it("keeps the names of lines that end in one place apart", () => {
    const heights = ["envoy", "outrigger"].map((name) => {
      const [, y = ""] = new RegExp(`y="([\\d.]+)"[^>]*>${name}</text>`).exec(toSvg(CHART)) ?? [];
      return Number(y);
    });
    expect(Math.abs((heights[0] ?? 0) - (heights[1] ?? 0))).toBeGreaterThanOrEqual(12);
  });

  it("leaves out a line without any number", () => {
    const without = { ...CHART, lines: [{ name: "outrigger", ys: [null, null, null] }] };
    expect(toSvg(without)).not.toContain("outrigger");
  });
});
