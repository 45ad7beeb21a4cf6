import { describe, expect, it } from "vitest";
import { clientSnapshot, meshOf } from "../../test/support/mesh.ts";
import { formatDiagnostic } from "../base/diagnostic.ts";
import { serviceLosers } from "./service-losers.ts";

function entry(name: string, ports: readonly number[], namespace = "default"): string {
  const written = ports.map((port) => `{ number: ${port}, name: http-${port}, protocol: HTTP }`);
  return `---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${name}, namespace: ${namespace} }
spec: { hosts: [api.example.com], ports: [${written.join()}], resolution: DNS }
`;
}

function clustersOf(text: string, namespace = "default"): string[] {
  const { clusters } = clientSnapshot(meshOf(text), { namespace });
  return clusters.filter(({ service }) => service !== undefined).map(({ name }) => name);
}

const losers = (text: string) => serviceLosers(meshOf(text)).map(formatDiagnostic);

describe("ServiceEntries of one host", () => {
  const apart = entry("web", [80]) + entry("admin", [8080]);
  const meeting = entry("web", [80]) + entry("other", [80, 81]);
  const elsewhere = entry("web", [80], "a") + entry("other", [81], "b");

  it("have their ports joined", () => {
    expect(clustersOf(apart)).toEqual([
      "outbound|80||api.example.com",
      "outbound|8080||api.example.com",
    ]);
    expect(losers(apart)).toEqual([]);
  });

  it("keep the first one's port where they meet, which the other is told", () => {
    expect(clustersOf(meeting)).toEqual([
      "outbound|80||api.example.com",
      "outbound|81||api.example.com",
    ]);
    expect(losers(meeting)).toEqual([
      expect.stringMatching(/OUT0303: ServiceEntry default\/web \(mesh.yaml:2\) is port 80 of/),
    ]);
  });

  it("hold in their own namespace, else that of the first one", () => {
    expect(clustersOf(elsewhere, "b")).toEqual(["outbound|81||api.example.com"]);
    expect(clustersOf(elsewhere, "c")).toEqual(["outbound|80||api.example.com"]);
    expect(losers(elsewhere)).toEqual([expect.stringMatching(/for clients outside b/)]);
  });
});
