import type { JsonObject } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { decodeJson } from "../../../test/support/resource-json.ts";
import { ENVOY_OUTLIER_DETECTION } from "../../model/upstream/outlier-detection.ts";

function decode(outlier_detection: JsonObject) {
  return decodeJson("cluster", { name: "c", outlier_detection });
}

function detection(fields: JsonObject) {
  const { model, problems } = decode(fields);
  expect(problems).toEqual([]);
  return model?.outlierDetection;
}

describe("outlier detection", () => {
  it("has Envoy's defaults", () => {
    expect(detection({})).toEqual(ENVOY_OUTLIER_DETECTION);
  });

  it("is left out where it is not asked for", () => {
    expect(decodeJson("cluster", { name: "c" }).model).not.toHaveProperty("outlierDetection");
  });

  it("keeps what is said, a zero as well", () => {
    const fields = { consecutive_5xx: 0, interval: "0.5s", always_eject_one_host: true };
    expect(detection(fields)).toEqual({
      ...ENVOY_OUTLIER_DETECTION,
      consecutive5xx: 0,
      intervalMs: 500,
      alwaysEjectOneHost: true,
    });
  });

  it("lasts at most as long as its base time, where that is longer than five minutes", () => {
    expect(detection({ base_ejection_time: "600s" })?.maxEjectionTimeMs).toBe(600_000);
    expect(detection({ base_ejection_time: "60s" })?.maxEjectionTimeMs).toBe(300_000);
  });

  it("is refused with all that is wrong with it", () => {
    const wrong = decode({
      interval: "0s",
      max_ejection_percent: 101,
      enforcing_success_rate: 200,
      base_ejection_time: "10s",
      max_ejection_time: "9s",
    });
    expect(wrong.problems).toEqual([
      expect.stringContaining("outlier_detection.interval"),
      expect.stringContaining("outlier_detection.max_ejection_percent"),
      expect.stringContaining("outlier_detection.enforcing_success_rate"),
      "outlier_detection.max_ejection_time: is below base_ejection_time " +
        '(found "9000 ms"; allowed at least 10000 ms)',
    ]);
  });

  it("is refused with a monitor of its own", () => {
    const monitors = [{ name: "m" }];
    expect(decode({ monitors }).problems).toEqual([
      expect.stringContaining("extensions that judge hosts are not executed"),
    ]);
  });
});
