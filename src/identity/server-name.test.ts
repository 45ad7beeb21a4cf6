import { expect, it } from "vitest";
import { isServerFor } from "./server-name.ts";

const NAMES = {
  dns: ["istiod.istio-system.svc", "*.mesh.example"],
  uri: ["spiffe://cluster.local/ns/a/sa/evil.example"],
  email: ["who@evil.example"],
  ip: ["10.0.0.1", "2001:db8::1"],
};

it.each([
  { host: "istiod.istio-system.svc", is: true },
  { host: "ISTIOD.istio-system.svc.", is: true },
  { host: "ca.mesh.example", is: true },
  { host: "mesh.example", is: false },
  { host: "a.ca.mesh.example", is: false },
  { host: "evil.example", is: false },
  { host: "10.0.0.1", is: true },
  { host: "10.0.0.2", is: false },
  { host: "2001:0db8:0:0::1", is: true },
  { host: "", is: false },
])("for $host: $is", ({ host, is }) => {
  expect(isServerFor(NAMES, host)).toBe(is);
});

it("is not for everybody below a wildcard of the top", () => {
  expect(isServerFor({ ...NAMES, dns: ["*.example"] }, "evil.example")).toBe(false);
});
