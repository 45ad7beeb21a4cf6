import { expect, it } from "vitest";
import { meshOf } from "../../test/support/mesh.ts";
import { formatDiagnostic } from "../base/diagnostic.ts";
import { unheardRoutes } from "./unheard-routes.ts";

function findings(...ports: readonly string[]): readonly string[] {
  const mesh = meshOf(`
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [${ports.join()}] }
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: { name: web }
spec: { hosts: [web], http: [{ route: [{ destination: { host: web } }] }] }
`);
  return unheardRoutes(mesh).map(formatDiagnostic);
}

it("reports HTTP rules for a service that is carried as TCP, with its ports", () => {
  expect(findings("{ name: tcp, port: 80 }", "{ name: tls, port: 90 }")).toEqual([
    expect.stringMatching(/^mesh.yaml:7:1: warning OUT0306[\s\S]*found {4}80 tcp, 90 tls/),
  ]);
});

it.each(["{ name: http, port: 80 }", "{ name: grpc, port: 80 }", "{ name: sniffed, port: 80 }"])(
  "says nothing where one port is heard: %s",
  (heard) => {
    expect(findings(heard, "{ name: tcp, port: 90 }")).toEqual([]);
  },
);
