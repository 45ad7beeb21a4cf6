import { describe, expect, it } from "vitest";
import { clientSnapshot, meshOf } from "../../../test/support/mesh.ts";
import type { ProxyConfig } from "../../model/bootstrap.ts";
import { inconsistencies } from "./consistent.ts";

const GOOD = clientSnapshot(
  meshOf(`
apiVersion: v1
kind: Service
metadata: { name: web }
spec: { selector: { app: web }, ports: [{ name: http, port: 80 }] }
`),
);
const WEB = "outbound|80||web.default.svc.cluster.local";

function problems(change: Partial<ProxyConfig>, absent: readonly string[] = []): readonly string[] {
  return inconsistencies({ ...GOOD, ...change }, new Set(absent));
}

describe("a snapshot", () => {
  it("is consistent where every reference leads somewhere", () => expect(problems({})).toEqual([]));

  it("is not, where a route or a listener names a cluster that nobody made", () => {
    const clusters = GOOD.clusters.filter(({ name }) => name !== WEB);
    expect(problems({ clusters })).toEqual([
      `host "web.default.svc.cluster.local:80" names the cluster "${WEB}", which does not exist`,
    ]);
  });

  it("is consistent all the same, where the cluster is known to be absent", () => {
    const clusters = GOOD.clusters.filter(({ name }) => name !== WEB);
    expect(problems({ clusters }, [WEB])).toEqual([]);
  });

  it("is not, where a listener asks for routes that are not there", () => {
    expect(problems({ routes: [] })).toEqual(['listener "0.0.0.0_80" asks for the routes "80"']);
  });

  it("is not, where a cluster lacks its endpoint set", () => {
    expect(problems({ endpoints: [] })).toEqual([`cluster "${WEB}" has no endpoint set`]);
  });

  it("is not, where two resources have one name", () => {
    const [first] = GOOD.listeners;
    const listeners = first === undefined ? [] : [...GOOD.listeners, first];
    expect(problems({ listeners })).toEqual(['there are two listeners named "virtualOutbound"']);
  });
});
