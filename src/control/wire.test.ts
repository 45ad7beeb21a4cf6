import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { goldenCases } from "../../test/support/golden.ts";
import { meshOf, podsOfMesh, sidecarNode, snapshotOf } from "../../test/support/mesh.ts";
import type { ResourceType } from "../xds/order.ts";
import { CODECS, decodeResource, type ResourceModels } from "../xds/resource.ts";
import type { Snapshot } from "./server/snapshot-source.ts";

const FOLDER = fileURLToPath(new URL("testdata", import.meta.url));

function roundTrip<T extends ResourceType>(type: T, resource: ResourceModels[T]): void {
  const bytes = CODECS[type].encode(resource, "outrigger");
  const { model, problems } = decodeResource(type, bytes);
  expect(problems).toEqual([]);
  expect(model).toEqual(resource);
}

function checkAll(snapshot: Snapshot): void {
  for (const listener of snapshot.listeners) roundTrip("listener", listener);
  for (const routes of snapshot.routes) roundTrip("route", routes);
  for (const cluster of snapshot.clusters) roundTrip("cluster", cluster);
  for (const assignment of snapshot.endpoints) roundTrip("endpoint", assignment);
}

describe.each(goldenCases(FOLDER))("the snapshots of $name", ({ text }) => {
  const mesh = meshOf(text);
  const pods = podsOfMesh(mesh);
  const sidecars = [{ name: "client", address: "10.44.1.1" }, ...pods];

  it.each([
    { mode: "intercept", explicit: false },
    { mode: "explicit", explicit: true },
  ])("arrive in a proxy as they were made, in $mode mode", ({ explicit }) => {
    for (const sidecar of sidecars) {
      checkAll(snapshotOf(mesh, pods, sidecarNode(sidecar, { explicit })));
    }
  });
});
