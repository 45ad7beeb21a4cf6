import { fromJson, type JsonObject, toBinary } from "@bufbuild/protobuf";
import { describe, expect, it } from "vitest";
import { ClusterSchema } from "../../gen/envoy/config/cluster/v3/cluster_pb.js";
import { ACCRUAL_DEFAULTS } from "../../model/upstream/failure-accrual.ts";
import { formatProblem } from "../check/place.ts";
import { decodeResource } from "../resource.ts";

const PLACE = "metadata.filter_metadata.outrigger.failure_accrual";

function decoded(accrual: JsonObject, more: JsonObject = { type: "STATIC" }) {
  const json = {
    name: "outbound|80||ratings",
    ...more,
    metadata: { filterMetadata: { "outrigger.failure_accrual": accrual } },
  };
  return decodeResource("cluster", toBinary(ClusterSchema, fromJson(ClusterSchema, json)));
}

describe("failure accrual in a cluster's metadata", () => {
  it("is Linkerd's where nothing is said", () => {
    expect(decoded({}).model?.failureAccrual).toEqual(ACCRUAL_DEFAULTS);
  });

  it("says every mistake at once, each with place, what was found and what is allowed", () => {
    const accrual = {
      maxFailures: -1,
      successRate: { threshold: 1.5, windowMs: 9 },
      minPenaltyMs: 2000,
      maxPenaltyMs: 1000,
      jitterRatio: "half",
      honourRetryAfter: true,
    };
    expect(decoded(accrual).problems.map(formatProblem)).toEqual([
      `${PLACE}.maxFailures: is out of range (found -1; ` +
        "allowed a whole number from 0 to 4294967295)",
      `${PLACE}.successRate.threshold: is out of range (found 1.5; allowed a number from 0 to 1)`,
      `${PLACE}.successRate.windowMs: is out of range (found 9; ` +
        "allowed a whole number from 10 to 2147483647)",
      `${PLACE}.successRate.minRequests: is missing`,
      `${PLACE}.jitterRatio: is out of range (found "half"; allowed a number from 0 to 100)`,
      `${PLACE}.honourRetryAfter: is unknown (found "honourRetryAfter"; ` +
        "allowed honorRetryAfter, perhaps)",
      `${PLACE}.maxPenaltyMs: is below the first penalty (found 1000; allowed at least 2000)`,
    ]);
  });

  it("is refused where the endpoints are the clients' own", () => {
    const { problems } = decoded({}, { type: "ORIGINAL_DST", lbPolicy: "CLUSTER_PROVIDED" });
    expect(problems.map(formatProblem)).toEqual([
      `${PLACE}: judges endpoints of the cluster (found "ORIGINAL_DST"; allowed another type)`,
    ]);
  });
});
