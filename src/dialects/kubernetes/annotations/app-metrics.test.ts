import { describe, expect, it } from "vitest";
import { readAppMetrics } from "./app-metrics.ts";

describe("readAppMetrics", () => {
  it.each([
    [{}, undefined],
    [{ "prometheus.io/scrape": "true" }, { port: 80, path: "/metrics" }],
    [{ "prometheus.io/port": "9102" }, { port: 9102, path: "/metrics" }],
    [{ "Prometheus.io/Path": "stats?x=1" }, { port: 80, path: "/stats?x=1" }],
    [
      { "prometheus.io/scrape": "true", "prometheus.io/port": "81", "prometheus.io/path": "/m" },
      { port: 81, path: "/m" },
    ],
    [{ "prometheus.io/scrape": "false", "prometheus.io/port": "9102" }, undefined],
    [{ "prometheus.io/port": "9102", "prometheus.istio.io/merge-metrics": "false" }, undefined],
    [{ "prometheus.istio.io/merge-metrics": "true" }, undefined],
  ])("reads %j", (annotations, page) => {
    expect(readAppMetrics(annotations)).toEqual({ page, faults: [] });
  });

  it.each([
    ["prometheus.io/port", "http"],
    ["prometheus.io/port", "0"],
    ["prometheus.io/port", "15020"],
    ["prometheus.io/scrape", "yes"],
  ])("refuses %s: %s", (name, found) => {
    const { page, faults } = readAppMetrics({ [name]: found });
    expect(page).toBe(undefined);
    expect(faults).toEqual([{ name, found, allowed: expect.any(String) }]);
  });
});
