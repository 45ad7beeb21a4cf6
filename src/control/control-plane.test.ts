import { describe, expect, it } from "vitest";
import { VirtualClock } from "../base/clock.ts";
import { socketAddress } from "../model/address.ts";
import { ControlPlane } from "./control-plane.ts";

const SERVICE = `
apiVersion: v1
kind: Service
metadata: { name: ratings }
spec: { ports: [{ name: http, port: 80 }] }
`;
const BREAKER = `
apiVersion: outrigger.dev/v1alpha1
kind: CircuitBreaker
metadata: { name: ratings }
spec: { targetRefs: [{ kind: Service, name: ratings }] }
`;

function plane(): ControlPlane {
  const options = { paths: [], httpAddress: socketAddress("127.0.0.1", 0) };
  return new ControlPlane(options, new VirtualClock());
}

function sources(...texts: readonly string[]) {
  const files = texts.map((text, i) => ({ file: `${i}.yaml`, text }));
  return { files, diagnostics: [], folders: [] };
}

describe("a reading of the files", () => {
  it("is not taken over where something cannot be read", () => {
    const control = plane();
    control.read(sources(SERVICE, BREAKER));
    const change = control.read(sources(SERVICE, BREAKER.replace("spec:", "specs:")));
    expect(change.accepted).toBe(false);
    expect(change.mesh.circuitBreakers).toHaveLength(1);
  });

  it("is taken over where a circuit's target is gone: others' changes go on", () => {
    const control = plane();
    control.read(sources(SERVICE, BREAKER));
    const change = control.read(sources(SERVICE.replace("ratings", "reviews"), BREAKER));
    expect(change.diagnostics.map(({ code, severity }) => [code, severity])).toEqual([
      ["OUT0701", "error"],
    ]);
    expect(change.accepted).toBe(true);
    expect(change.mesh.services.map(({ name }) => name)).toEqual(["reviews"]);
  });
});
