import { describe, expect, it } from "vitest";
import { AddressPool, freeSubnets, ipv6Of, subnetOf } from "./subnet.ts";

const prefixes = (routes: readonly string[]): string[] =>
  freeSubnets(routes).map(({ prefix }) => prefix);

describe.each([
  { routes: [], first: "10.200", count: 51 },
  { routes: ["default", "192.168.1.0/24", "fe80::/64"], first: "10.200", count: 51 },
  { routes: ["10.200.0.0/16", "10.201.3.0/24"], first: "10.202", count: 49 },
  { routes: ["10.200.7.9"], first: "10.201", count: 50 },
  { routes: ["10.192.0.0/11"], first: "10.224", count: 27 },
  { routes: ["10.0.0.0/8"], first: "198.18", count: 2 },
  { routes: ["10.0.0.0/8", "198.18.0.0/15"], first: undefined, count: 0 },
])("with the host's routes $routes", ({ routes, first, count }) => {
  it(`${count} ranges are free, the first is ${first}`, () => {
    expect(prefixes(routes)).toHaveLength(count);
    expect(prefixes(routes)[0]).toBe(first);
  });
});

describe("the IPv6 addresses beside", () => {
  it("follow the IPv4 ones, in a range of the subnet's own", () => {
    expect(subnetOf("10.203").ipv6).toEqual({
      gateway: "fd6f:75cb::1",
      exit: "fd6f:75cb::ff:fe",
      range: "fd6f:75cb::/64",
    });
    expect(ipv6Of("10.203.3.4")).toBe("fd6f:75cb::3:4");
  });
});

describe("an address pool", () => {
  it("begins after the gateway and leaves out last numbers 0 and 255", () => {
    const pool = new AddressPool(subnetOf("10.200"));
    const taken = Array.from({ length: 260 }, () => pool.take());
    expect(taken[0]).toBe("10.200.0.2");
    expect(taken.filter((address) => /\.(0|255)$/.test(address))).toEqual([]);
    expect(new Set(taken).size).toBe(260);
  });
});
