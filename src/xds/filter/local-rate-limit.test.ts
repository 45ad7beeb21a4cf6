import { fromJson, type JsonObject } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { LocalRateLimitSchema } from "../../gen/envoy/extensions/filters/http/local_ratelimit/v3/local_rate_limit_pb.js";
import { checkMessage } from "../check/check.ts";
import { Place, type Problem } from "../check/place.ts";
import { decodeLocalRateLimit, decodeRouteLimit } from "./local-rate-limit.ts";

function problemsOf(json: JsonObject, decode: typeof decodeRouteLimit): readonly Problem[] {
  const problems: Problem[] = [];
  const message = fromJson(LocalRateLimitSchema, { statPrefix: "a", ...json });
  checkMessage(LocalRateLimitSchema, message, new Place(problems));
  decode(message, new Place(problems));
  return problems;
}

describe("a local rate limit", () => {
  it("is nothing by default: Envoy asks for shares, and has none", () => {
    const limit = decodeLocalRateLimit(
      fromJson(LocalRateLimitSchema, { statPrefix: "a", status: { code: 200 } }),
      new Place([]),
    );
    const none = { numerator: 0, denominator: 100 };
    expect(limit).toMatchObject({ status: 429, bucket: undefined, enabled: none, enforced: none });
  });

  it("fills no faster than Envoy allows", () => {
    const tokenBucket = { maxTokens: 1, fillInterval: "0.049s" };
    expect(problemsOf({ tokenBucket }, decodeLocalRateLimit)).toMatchObject([
      { path: "token_bucket.fill_interval", allowed: "at least 50ms" },
    ]);
  });

  it("has a bucket where a route has one of its own", () => {
    expect(problemsOf({}, decodeRouteLimit)).toMatchObject([{ path: "token_bucket" }]);
    expect(problemsOf({}, decodeLocalRateLimit)).toEqual([]);
  });

  it("does not describe the same requests twice", () => {
    const bucket = { maxTokens: 1, fillInterval: "1s" };
    const one = { entries: [{ key: "a", value: "b" }], tokenBucket: bucket };
    const short = { ...one, tokenBucket: { ...bucket, fillInterval: "0.01s" } };
    const descriptors = [one, one, { ...short, entries: [{ key: "c", value: "d" }] }];
    expect(problemsOf({ tokenBucket: bucket, descriptors }, decodeRouteLimit)).toMatchObject([
      { path: "descriptors[1].entries", message: expect.stringContaining("stand twice") },
      { path: "descriptors[2].token_bucket.fill_interval", allowed: "at least 50ms" },
    ]);
  });
});
