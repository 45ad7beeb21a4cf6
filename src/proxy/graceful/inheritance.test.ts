import { closeSync, fstatSync, openSync } from "node:fs";
import { expect, it } from "vitest";
import { httpListener, staticCluster } from "../../../test/support/proxy-setup.ts";
import { VirtualClock } from "../../base/clock.ts";
import { Registry } from "../../metrics/registry.ts";
import { formatAddress } from "../../model/address.ts";
import type { ProxyConfig } from "../../model/bootstrap.ts";
import { readBootstrap } from "../bootstrap.ts";
import { type Plane, serve } from "../main.ts";

const ROUTES = [{ match: { prefix: "/" }, route: { cluster: "origin" } }];

const NO_MESH_CIRCUITS: Plane["meshCircuits"] = {
  any: false,
  news: () => [],
  openByItself: () => [],
  openFor: () => undefined,
  close: () => undefined,
};

/** Has taken a configuration, and then at once another one, which wants nothing. */
class FicklePlane implements Plane {
  readonly registry = new Registry();
  readonly ready = true;
  readonly listeners = [];
  config: ProxyConfig = { listeners: [], routes: [], clusters: [], endpoints: [] };
  clusters = () => [];
  circuits = () => [];
  meshCircuits = NO_MESH_CIRCUITS;
  refused = () => [];
  apply = async () => undefined;
  supply = () => undefined;
  certificates = () => [];
  resetCounters = () => undefined;
  reopenLogs = () => undefined;
  discourage = () => undefined;
  drain = () => undefined;
  held = () => [];
  stop = async () => undefined;
}

function isOpen(fd: number): boolean {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
}

it("a successor leaves alone what its first configuration took, whatever came after", async () => {
  const text = JSON.stringify({
    static_resources: {
      listeners: [httpListener({ routes: ROUTES })],
      clusters: [staticCluster("origin", [1])],
    },
  });
  const { bootstrap } = readBootstrap(text, "test");
  const [listener] = bootstrap?.listeners ?? [];
  if (bootstrap === undefined || listener === undefined) throw new Error("it is no bootstrap");
  const [taken, unwanted] = [openSync("/dev/null", "r"), openSync("/dev/null", "r")];
  const inherited = new Map([
    [formatAddress(listener.address), [taken]],
    ["127.0.0.1:1", [unwanted]],
  ]);
  const clock = new VirtualClock();
  const proxy = await serve({ bootstrap, clock, inherited }, new FicklePlane());
  expect([isOpen(taken), isOpen(unwanted)]).toEqual([true, false]);
  closeSync(taken);
  await proxy.makeWay();
});
