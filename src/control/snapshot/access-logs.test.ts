import { describe, expect, it } from "vitest";
import { clientSnapshot, meshOf } from "../../../test/support/mesh.ts";

const SERVICES = `
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, clusterIP: 10.96.0.1, ports: [{ name: http, port: 80 }] }
---
apiVersion: v1
kind: Service
metadata: { name: db }
spec: { selector: { app: db }, clusterIP: 10.96.0.2, ports: [{ name: tcp-sql, port: 3306 }] }
`;
const MESH_CONFIG = `
---
apiVersion: mesh.istio.io/v1alpha1
kind: MeshConfig
metadata: { name: mesh }
accessLogFile: /dev/stdout
accessLogEncoding: JSON
`;

/** The access logs of all chains of all listeners. */
function logsOf(text: string) {
  const { listeners } = clientSnapshot(meshOf(text));
  const chains = listeners.flatMap(({ filterChains, defaultFilterChain }) =>
    defaultFilterChain === undefined ? filterChains : [...filterChains, defaultFilterChain],
  );
  return chains.map(({ filter }) => filter.accessLogs);
}

describe("a mesh's access log", () => {
  it("stands in every chain, TCP's as well", () => {
    const logs = logsOf(SERVICES + MESH_CONFIG);
    expect(logs.length).toBeGreaterThan(3);
    for (const one of logs) {
      expect(one).toMatchObject([{ path: "/dev/stdout", format: { kind: "json" } }]);
    }
  });

  it("is none where no file is named", () => {
    expect(new Set(logsOf(SERVICES).map((logs) => logs.length))).toEqual(new Set([0]));
  });
});
