import { describe, expect, it } from "vitest";
import type { Mesh } from "../model/mesh.ts";
import { AddressBook } from "./addresses.ts";
import { translate } from "./translate.ts";

function services(...names: readonly string[]): Mesh {
  const documents = names.map(
    (name) => `
apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec: { selector: { app: ${name} }, ports: [{ port: 80 }] }`,
  );
  return translate([{ file: "mesh.yaml", text: documents.join("\n---") }]);
}

function addressesIn(mesh: Mesh): Record<string, string | undefined> {
  return Object.fromEntries(mesh.services.map(({ name, addresses }) => [name, addresses[0]]));
}

describe("AddressBook", () => {
  it("gives an address of 10.96.0.0/12 that follows from the name alone", () => {
    const one = addressesIn(new AddressBook().assign(services("a", "b")));
    const other = addressesIn(new AddressBook().assign(services("b", "c", "a")));
    expect(other).toMatchObject(one);
    expect(one.a).toMatch(/^10\.(9[6-9]|10\d|11[01])\.\d+\.\d+$/);
  });

  it("gives no address twice, however many services there are", () => {
    const names = Array.from({ length: 3000 }, (_, index) => `service-${index}`);
    const addresses = Object.values(addressesIn(new AddressBook().assign(services(...names))));
    expect(new Set(addresses).size).toBe(names.length);
  });

  it("keeps what it gave when others come and go", () => {
    const book = new AddressBook();
    const before = addressesIn(book.assign(services("a", "b")));
    const after = addressesIn(book.assign(services("a", "z", "b")));
    expect(after).toMatchObject(before);
  });

  it("gives way to an address that somebody wrote", () => {
    const book = new AddressBook();
    const given = addressesIn(book.assign(services("a"))).a ?? "";
    const mesh = services("a", "b");
    const written = mesh.services.map((service) =>
      service.name === "b" ? { ...service, addresses: [given] } : service,
    );
    const after = addressesIn(book.assign({ ...mesh, services: written }));
    expect(after.b).toBe(given);
    expect(after.a).not.toBe(given);
  });

  it("gives an address beside ranges, so that the name leads somewhere", () => {
    const mesh = services("a");
    const ranged = mesh.services.map((service) => ({ ...service, addresses: ["192.0.2.0/24"] }));
    const [service] = new AddressBook().assign({ ...mesh, services: ranged }).services;
    expect(service?.addresses).toEqual(["192.0.2.0/24", expect.stringMatching(/^10\./)]);
  });

  it("gives an IPv6 address to a service of both families, and that alone to one of IPv6", () => {
    const service = (name: string, families: string) => `
apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec: { ${families}, selector: { app: ${name} }, ports: [{ port: 80 }] }`;
    const text = [
      service("both", "ipFamilyPolicy: PreferDualStack"),
      service("six", "ipFamilies: [IPv6]"),
      service("written", 'ipFamilies: [IPv4, IPv6], clusterIPs: ["10.96.0.77", "fd00::77"]'),
      service("half", 'ipFamilyPolicy: RequireDualStack, clusterIP: "10.96.0.78"'),
      service("four", "ipFamilies: [IPv4]"),
    ].join("\n---");
    const { services } = new AddressBook().assign(translate([{ file: "mesh.yaml", text }]));
    const ipv6 = expect.stringMatching(/^fd00:10:96::[0-9a-f]+:[0-9a-f]+$/);
    const ipv4 = expect.stringMatching(/^10\./);
    expect(services.map(({ addresses }) => addresses)).toEqual([
      [ipv4, ipv6],
      [ipv6],
      ["10.96.0.77", "fd00::77"],
      ["10.96.0.78", ipv6],
      [ipv4],
    ]);
  });

  it("gives ServiceEntries addresses of 240.240.0.0/16, and none to wildcards", () => {
    const entry = (host: string) => `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: { name: ${host.replace("*", "any")} }
spec:
  hosts: ["${host}"]
  ports: [{ number: 80, name: http, protocol: HTTP }]
  resolution: ${host.startsWith("*") ? "NONE" : "DNS"}`;
    const text = [entry("api.example.com"), entry("*.example.org")].join("\n---");
    const mesh = new AddressBook().assign(translate([{ file: "mesh.yaml", text }]));
    expect(mesh.services.map(({ addresses }) => addresses)).toEqual([
      [expect.stringMatching(/^240\.240\./)],
      [],
    ]);
  });
});
