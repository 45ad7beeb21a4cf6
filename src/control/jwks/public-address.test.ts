import { describe, expect, it } from "vitest";
import { parseCidr } from "./cidr.ts";
import { isReachable } from "./public-address.ts";

describe("addresses that strangers' URLs may lead to", () => {
  it.each([
    "127.0.0.1",
    "127.9.9.9",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "169.254.169.254",
    "100.100.100.200",
    "192.0.0.192",
    "198.18.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::127.0.0.1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%eth0",
    "ff02::1",
    "localhost",
    "",
  ])("are not %s", (address) => {
    expect(isReachable(address, [])).toBe(false);
  });

  it.each(["8.8.8.8", "1.1.1.1", "172.32.0.1", "192.169.0.1", "2606:4700::1111"])(
    "are %s",
    (address) => {
      expect(isReachable(address, [])).toBe(true);
    },
  );

  it("are those of blocks that were allowed, and no others", () => {
    const allowed = ["10.1.0.0/16", "::1"].flatMap((text) => parseCidr(text) ?? []);
    expect(allowed).toHaveLength(2);
    expect(isReachable("10.1.2.3", allowed)).toBe(true);
    expect(isReachable("::1", allowed)).toBe(true);
    expect(isReachable("10.2.0.1", allowed)).toBe(false);
    expect(isReachable("127.0.0.1", allowed)).toBe(false);
  });

  it.each([
    "",
    "a",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/",
    "10.0.0.0/8/8",
    "::/129",
    "10.0.0/8",
  ])("have no block %s", (text) => {
    expect(parseCidr(text)).toBeUndefined();
  });
});
