import { describe, expect, it } from "vitest";
import {
  fqdnError,
  hostIsWithin,
  hostsOverlap,
  isAddress,
  partialWildcardError,
  resolveHost,
  subnetError,
  wildcardDomainError,
} from "./host.ts";

describe("resolving a host", () => {
  it.each([
    ["reviews", "reviews.shop.svc.cluster.local"],
    ["reviews.other", "reviews.other"],
    ["reviews.other.svc.cluster.local", "reviews.other.svc.cluster.local"],
    ["*", "*"],
    ["*.local", "*.local"],
    ["::1", "::1"],
  ])("takes %s in namespace shop for %s", (host, expected) => {
    expect(resolveHost(host, "shop", "cluster.local")).toBe(expected);
  });
});

describe("a domain with wildcard", () => {
  it.each(["a", "a.b", "*", "*.a", "*a.b", "*-a.b", "a.b.", "a-1.example.com"])(
    "may be %s",
    (domain) => expect(wildcardDomainError(domain)).toBeUndefined(),
  );

  it.each([
    ["", "empty domain name not allowed"],
    ["a.*", 'domain name "a.*" invalid (label "*" invalid)'],
    ["a*.b", 'domain name "a*.b" invalid (label "a*" invalid)'],
    ["-a.b", 'domain name "-a.b" invalid (label "-a" invalid)'],
    ["a..b", 'domain name "a..b" invalid (label "" invalid)'],
    ["a.123", 'domain name "123" invalid'],
    [`${"a".repeat(64)}.b`, "invalid"],
    [`${"a.".repeat(128)}b`, "too long (max 255)"],
  ])("may not be %s", (domain, error) => {
    expect(wildcardDomainError(domain)).toContain(error.replace('"123"', `"${domain}"`));
  });

  it("has no wildcard where a full name is asked for", () => {
    expect(fqdnError("*.example.com")).toContain('label "*" invalid');
    expect(fqdnError("example.com")).toBeUndefined();
  });
});

describe("hosts with wildcards", () => {
  it.each([
    ["a.b", "a.b", true],
    ["a.b", "*.b", true],
    ["*.b", "a.b", true],
    ["*.a.b", "*.b", true],
    ["*", "a.b", true],
    ["b", "*.b", false],
    ["*.a", "*.b", false],
    ["a.c", "*.b", false],
  ])("%s and %s meet: %s", (one, other, meet) => {
    expect(hostsOverlap(one, other)).toBe(meet);
    expect(hostsOverlap(other, one)).toBe(meet);
  });

  it("may be partial only as text", () => {
    expect(["*", "*.a", "a.b"].map(partialWildcardError)).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
    expect(partialWildcardError("*a.b")).toBe('partial wildcard "*a.b" not allowed');
  });

  it("says which is within which", () => {
    expect(hostIsWithin("a.b", "*.b")).toBe(true);
    expect(hostIsWithin("*.b", "a.b")).toBe(false);
    expect(hostIsWithin("*.a.b", "*.b")).toBe(true);
  });
});

describe("addresses", () => {
  it.each(["1.2.3.4", "::", "::1", "2001:db8::1", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4"])(
    "%s is one",
    (text) => expect(isAddress(text)).toBe(true),
  );

  it.each(["1.2.3", "1.2.3.256", "a.b.c.d", ":::", "1::2::3", "1:2:3:4:5:6:7:8:9", "g::1", ""])(
    "%s is none",
    (text) => expect(isAddress(text)).toBe(false),
  );

  it.each([
    ["10.0.0.0/8", true],
    ["10.0.0.1", true],
    ["10.0.0.0/33", false],
    ["::/128", true],
    ["::/129", false],
    ["1.2.3.4/8/8", false],
    ["1.2.3.4/", false],
  ])("%s is a subnet: %s", (text, expected) =>
    expect(subnetError(text) === undefined).toBe(expected),
  );
});
