import { expect, it } from "vitest";
import { socketAddress } from "../../model/address.ts";
import type { Bootstrap } from "../../model/bootstrap.ts";
import { deniedPort, isLoopback, ownPortOf } from "./own-port.ts";

const bootstrap = (admin: Bootstrap["admin"]): Bootstrap => ({
  node: { id: "", cluster: "", metadata: {}, userAgentName: "" },
  admin,
  listeners: [],
  clusters: [],
  ads: undefined,
  pod: undefined,
  carrying: true,
});

it("denies the admin server's port to every cluster but the bootstrap's own", () => {
  const own = { port: 15_000, except: new Set(["stats"]) };
  expect([deniedPort(own, "reviews"), deniedPort(own, "stats")]).toEqual([15_000, 0]);
  expect(deniedPort(undefined, "reviews")).toBe(0);
});

it("knows the port from the bootstrap, where there is one", () => {
  expect(ownPortOf(bootstrap(socketAddress("127.0.0.1", 15_000)))?.port).toBe(15_000);
  expect(ownPortOf(bootstrap(undefined))).toBeUndefined();
  expect(ownPortOf(bootstrap({ kind: "pipe", path: "/admin" }))).toBeUndefined();
});

it.each(["127.0.0.1", "127.9.9.9", "::1", "0.0.0.0", "::", "::ffff:127.0.0.1"])(
  "takes %s for this machine",
  (host) => {
    expect(isLoopback(socketAddress(host, 1))).toBe(true);
  },
);

it.each(["10.0.0.1", "128.0.0.1", "::2", "localhost"])("leaves %s to whoever connects", (host) => {
  expect(isLoopback(socketAddress(host, 1))).toBe(false);
});
