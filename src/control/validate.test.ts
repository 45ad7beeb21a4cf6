import { describe, expect, it } from "vitest";
import { formatDiagnostic } from "../base/diagnostic.ts";
import { translate } from "./translate.ts";
import { validate } from "./validate.ts";

const SERVICE = `
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ name: http, port: 80 }] }
---`;

function findings(text: string): string[] {
  const mesh = translate([{ file: "mesh.yaml", text: SERVICE + text }]);
  return [...mesh.diagnostics, ...validate(mesh)].map(formatDiagnostic);
}

describe("what is found once everything is together", () => {
  it("says which routing loses to which", () => {
    const found = findings(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web }
spec: { hosts: [web], http: [{ route: [{ destination: { host: web } }] }] }
---
apiVersion: split.smi-spec.io/v1alpha2
kind: TrafficSplit
metadata: { name: web }
spec: { service: web, backends: [{ service: web, weight: 1 }] }
`);
    const loss = found.find((text) => text.includes("OUT0301"));
    expect(loss).toContain("VirtualService default/web (mesh.yaml:");
    expect(loss).toContain("TrafficSplit default/web");
  });

  it("says of two VirtualServices of a host only once that one holds", () => {
    const rule = (name: string) => `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: ${name} }
spec: { hosts: [web], http: [{ route: [{ destination: { host: web } }] }] }
---`;
    const found = findings(rule("one") + rule("two")).filter((text) => text.includes("IST0109"));
    const losers = found.filter((text) => text.includes("VirtualService default/two"));
    expect(losers.length).toBeGreaterThan(0);
    expect(new Set(losers).size).toBe(losers.length);
  });
});
