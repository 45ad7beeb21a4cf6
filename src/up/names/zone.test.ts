import { describe, expect, it } from "vitest";
import { NAMES_MESH, PODS } from "../../../test/support/names-mesh.ts";
import { TYPE } from "./query.ts";
import type { DnsRecord } from "./reply.ts";
import { type Found, Zone } from "./zone.ts";

const zone = new Zone(NAMES_MESH, PODS, ["10.200.0.0/16"]);
const APP = { namespace: "a", sidecar: false };
const SIDECAR = { namespace: "a", sidecar: true };

function data(found: Found): unknown {
  if (found.kind !== "records") return found.kind;
  return found.answers.map((record: DnsRecord) => ("data" in record ? record.data : undefined));
}

describe.each([
  { name: "reviews.a.svc.cluster.local", type: TYPE.a, found: ["10.96.0.10"] },
  { name: "reviews.a.svc", type: TYPE.a, found: ["10.96.0.10"] },
  { name: "reviews.b", type: TYPE.a, found: ["10.96.0.11"] },
  { name: "reviews", type: TYPE.a, found: ["10.96.0.10"] },
  { name: "reviews.b", type: TYPE.aaaa, found: ["fd00:96::11"] },
  { name: "reviews", type: TYPE.aaaa, found: [] },
  { name: "reviews", type: 16, found: [] },
  { name: "web.a.svc.cluster.local", type: TYPE.a, found: ["10.200.0.2"] },
  { name: "web-0.web.a.svc.cluster.local", type: TYPE.a, found: ["10.200.0.2"] },
  { name: "10-200-0-2.web.a.svc.cluster.local", type: TYPE.a, found: ["10.200.0.2"] },
  { name: "10-200-0-4.a.pod.cluster.local", type: TYPE.a, found: ["10.200.0.4"] },
  { name: "web.a", type: TYPE.aaaa, found: [] },
  { name: "duals.a", type: TYPE.aaaa, found: ["fd6f:75c8::2"] },
  { name: "web-0.duals.a.svc.cluster.local", type: TYPE.a, found: ["10.200.0.2"] },
  { name: "api.example.com", type: TYPE.a, found: ["240.240.0.9"] },
  { name: "api.example.com", type: TYPE.aaaa, found: [] },
  { name: "any.wild.example.com", type: TYPE.a, found: ["240.240.0.7"] },
  { name: "far.any.wild.example.com", type: TYPE.a, found: ["240.240.0.7"] },
  { name: "one.wild.example.com", type: TYPE.a, found: ["240.240.0.6"] },
  { name: "tenant.example.com", type: TYPE.a, found: ["240.240.1.1"] },
  { name: "10.0.96.10.in-addr.arpa", type: TYPE.ptr, found: ["reviews.a.svc.cluster.local"] },
  { name: "2.0.200.10.in-addr.arpa", type: TYPE.ptr, found: ["web-0.duals.a.svc.cluster.local"] },
  { name: "4.0.200.10.in-addr.arpa", type: TYPE.ptr, found: ["10-200-0-4.a.pod.cluster.local"] },
  { name: "9.0.240.240.in-addr.arpa", type: TYPE.ptr, found: ["api.example.com"] },
  {
    name: "1.1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.0.d.f.ip6.arpa",
    type: TYPE.ptr,
    found: ["reviews.b.svc.cluster.local"],
  },
  { name: "10.0.96.10.in-addr.arpa", type: TYPE.a, found: [] },
  { name: "cluster.local", type: TYPE.a, found: [] },
  { name: "b.svc.cluster.local", type: TYPE.a, found: [] },
  { name: "_tcp.web.a.svc.cluster.local", type: TYPE.a, found: [] },
  { name: "_http._tcp.web.a.svc.cluster.local", type: TYPE.a, found: [] },
])("the name $name of type $type", ({ name, type, found }) => {
  it(found.length === 0 ? "exists without such a record" : `is ${found.join()}`, () => {
    expect(data(zone.lookup(name, type, APP))).toEqual(found);
  });
});

describe.each([
  { name: "reviews.c.svc.cluster.local", kind: "unknown", why: "is in a namespace of nobody" },
  { name: "nobody.a.svc.cluster.local", kind: "unknown", why: "is no service" },
  { name: "x.reviews.a.svc.cluster.local", kind: "unknown", why: "is below a virtual address" },
  { name: "web-1.web.a.svc.cluster.local", kind: "unknown", why: "is a pod that is not ready" },
  { name: "10-200-0-9.a.pod.cluster.local", kind: "unknown", why: "is nobody's address" },
  { name: "10-200-0-4.b.pod.cluster.local", kind: "unknown", why: "is in another namespace" },
  { name: "www.cluster.local", kind: "unknown", why: "is beside the zones" },
  { name: "9.9.200.10.in-addr.arpa", kind: "unknown", why: "is a free address of the mesh's" },
  { name: "_sip._tcp.reviews.a.svc.cluster.local", kind: "unknown", why: "is no port" },
  { name: "example.org", kind: "elsewhere", why: "is the world's" },
  { name: "nobody", kind: "elsewhere", why: "is no service's short name" },
  { name: "1.0.0.10.in-addr.arpa", kind: "elsewhere", why: "is the host's network" },
  { name: "open.example.com", kind: "elsewhere", why: "has no address in the mesh" },
  { name: "net.example.com", kind: "elsewhere", why: "has a range for its address" },
  { name: "wild.example.com", kind: "elsewhere", why: "is what the wildcard stands below" },
])("the name $name", ({ name, kind, why }) => {
  it(`${why}: ${kind}`, () => {
    expect(zone.lookup(name, TYPE.a, APP)).toEqual({ kind });
  });
});

describe("SRV records", () => {
  const lookup = (name: string): Found => zone.lookup(name, TYPE.srv, APP);
  const srv = (port: number, target: string) => ({ port, target, priority: 0, weight: 100 });

  it("name a service's port, with its address beside", () => {
    const found = lookup("_db._tcp.reviews.a.svc.cluster.local");
    expect(data(found)).toEqual([srv(5432, "reviews.a.svc.cluster.local")]);
    expect(found).toMatchObject({ additionals: [{ type: "A", data: "10.96.0.10" }] });
  });

  it("name each port where none is asked for", () => {
    const target = "reviews.a.svc.cluster.local";
    expect(data(lookup(target))).toEqual([srv(80, target), srv(5432, target)]);
  });

  it("name the pods behind a headless service, at their own port", () => {
    const found = lookup("_http._tcp.web.a.svc.cluster.local");
    expect(data(found)).toEqual([srv(8080, "web-0.web.a.svc.cluster.local")]);
    expect(found).toMatchObject({ additionals: [{ type: "A", data: "10.200.0.2" }] });
  });
});

describe("an ExternalName", () => {
  it("is an alias of what it names, whatever is asked for", () => {
    for (const type of [TYPE.a, TYPE.aaaa, TYPE.cname, 16]) {
      const target = "db.example.org";
      expect(zone.lookup("db", type, APP)).toEqual({ kind: "alias", target });
    }
  });
});

describe("a ServiceEntry's host", () => {
  it("is the world's name where it is not exported to", () => {
    const kindIn = (namespace: string): string =>
      zone.lookup("secret.example.com", TYPE.a, { namespace, sidecar: false }).kind;
    expect([kindIn("a"), kindIn("b")]).toEqual(["records", "elsewhere"]);
  });

  it("of several is that of the client's own namespace", () => {
    const asker = { namespace: "b", sidecar: false };
    expect(data(zone.lookup("tenant.example.com", TYPE.a, asker))).toEqual(["240.240.1.2"]);
  });

  it("is where it really is for a sidecar, which Services are not", () => {
    expect(zone.lookup("api.example.com", TYPE.a, SIDECAR).kind).toBe("elsewhere");
    expect(data(zone.lookup("reviews.b", TYPE.a, SIDECAR))).toEqual(["10.96.0.11"]);
  });

  it("has its other records in the world", () => {
    expect(zone.lookup("api.example.com", 16, APP).kind).toBe("elsewhere");
  });
});
