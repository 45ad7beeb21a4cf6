import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadAssignment } from "../../test/support/arbitrary-endpoints.ts";
import { cluster, listener } from "../../test/support/arbitrary-resources.ts";
import { routeConfiguration } from "../../test/support/arbitrary-routes.ts";
import { secret } from "../../test/support/arbitrary-transport.ts";
import { formatProblem } from "./check/place.ts";
import { RESOURCE_TYPES, type ResourceType } from "./order.ts";
import { CODECS, decodeResource, type ResourceModels } from "./resource.ts";

function roundTrip<T extends ResourceType>(type: T, arbitrary: fc.Arbitrary<ResourceModels[T]>) {
  fc.assert(
    fc.property(arbitrary, (model) => {
      const { model: decoded, problems } = decodeResource(
        type,
        CODECS[type].encode(model, "outrigger"),
      );
      expect(problems.map(formatProblem)).toEqual([]);
      expect(decoded).toEqual(model);
    }),
    { numRuns: 150 },
  );
}

describe("every legal resource comes back as it was sent", () => {
  it("cluster", () => roundTrip("cluster", cluster));
  it("endpoint", () => roundTrip("endpoint", loadAssignment));
  it("route", () => roundTrip("route", routeConfiguration));
  it("listener", () => roundTrip("listener", listener));
  it("secret", () => roundTrip("secret", secret()));
});

describe("what a real Envoy gets", () => {
  it("has none of our own extensions", () => {
    fc.assert(
      fc.property(listener, (model) => {
        const bytes = Buffer.from(CODECS.listener.encode(model, "envoy"));
        expect(bytes.includes("outrigger")).toBe(false);
      }),
      { numRuns: 100 },
    );
  });
});

describe("bytes that are no resource", () => {
  it.each(RESOURCE_TYPES)("refuses a broken %s", (type) => {
    const { model, problems } = decodeResource(type, Uint8Array.from([0x07]));
    expect(model).toBeUndefined();
    expect(problems).toHaveLength(1);
    expect(problems[0]?.message).toMatch(/^is no envoy\.(config|extensions)/);
  });
});
