import { describe, expect, it } from "vitest";
import {
  assignment,
  edsCluster,
  httpListener,
  routes,
  routeTo,
} from "../../../test/support/sample-snapshot.ts";
import { socketAddress } from "../../model/address.ts";
import { NO_VALIDATION } from "../../model/transport/tls.ts";
import { Received } from "./received.ts";

const listener = httpListener("in", socketAddress("127.0.0.1", 8080), "routes");
const routing = routes("routes", [routeTo("a")]);
const nothing = { listeners: [], clusters: [] };

describe("warming", () => {
  it("keeps a cluster back until its endpoints are there", () => {
    const received = new Received(nothing);
    received.apply("cluster", new Map([["a", edsCluster("a")]]));
    expect(received.endpointNames).toEqual(["a"]);
    expect(received.warm).toBe(false);
    expect(received.config().clusters).toEqual([]);
    received.apply("endpoint", new Map([["a", assignment("a", [1])]]));
    expect(received.warm).toBe(true);
    expect(received.config().clusters).toEqual([edsCluster("a")]);
  });

  it("asks for endpoints by the service's name where there is one", () => {
    const received = new Received(nothing);
    received.apply("cluster", new Map([["a", edsCluster("a", { edsServiceName: "s" })]]));
    expect(received.endpointNames).toEqual(["s"]);
  });

  it("keeps a listener back until its routes are there", () => {
    const received = new Received(nothing);
    received.apply("listener", new Map([["in", listener]]));
    expect(received.routeNames).toEqual(["routes"]);
    expect(received.config().listeners).toEqual([]);
    received.apply("route", new Map([["routes", routing]]));
    expect(received.config()).toMatchObject({ listeners: [listener], routes: [routing] });
  });

  it("runs the listener before while the next one warms, with its own routes", () => {
    const received = new Received(nothing);
    received.apply("listener", new Map([["in", listener]]));
    received.apply("route", new Map([["routes", routing]]));
    const next = httpListener("in", socketAddress("127.0.0.1", 8080), "others");
    received.apply("listener", new Map([["in", next]]));
    expect(received.config()).toMatchObject({ listeners: [listener], routes: [routing] });
    received.apply("route", new Map([["others", routes("others", [])]]));
    expect(received.config().listeners).toEqual([next]);
    expect(received.config().routes.map((one) => one.name)).toEqual(["others"]);
  });
});

describe("secrets of the ADS stream", () => {
  const asking = edsCluster("a", {
    discovery: "static",
    tls: { certificateSecrets: [{ name: "default", source: { kind: "ads" } }] } as never,
  });
  const secret = { kind: "validation", name: "default", validation: NO_VALIDATION } as const;

  it("are awaited by whoever names them", () => {
    const received = new Received(nothing);
    received.apply("cluster", new Map([["a", asking]]));
    expect(received.secretNames).toEqual(["default"]);
    expect(received.warm).toBe(false);
    expect(received.config().clusters).toEqual([]);
    received.apply("secret", new Map([["default", secret]]));
    expect(received.warm).toBe(true);
    expect(received.config()).toMatchObject({ clusters: [asking], secrets: [secret] });
  });

  it("are waited for no longer once they are missed", () => {
    const received = new Received(nothing);
    received.apply("cluster", new Map([["a", asking]]));
    received.missSecrets();
    expect(received.warm).toBe(true);
    expect(received.config()).toMatchObject({ clusters: [asking], secrets: [] });
  });

  it("are forgotten with the last that names them", () => {
    const received = new Received(nothing);
    received.apply("cluster", new Map([["a", asking]]));
    received.apply("secret", new Map([["default", secret]]));
    received.apply("cluster", new Map());
    received.apply("cluster", new Map([["a", asking]]));
    expect(received.config().clusters).toEqual([]);
  });
});

describe("what goes", () => {
  it("forgets what the whole state does not name any more, endpoints included", () => {
    const received = new Received(nothing);
    received.apply("cluster", new Map([["a", edsCluster("a")]]));
    received.apply("endpoint", new Map([["a", assignment("a", [1])]]));
    received.apply("cluster", new Map());
    expect(received.config()).toMatchObject({ clusters: [], endpoints: [] });
    received.apply("cluster", new Map([["a", edsCluster("a")]]));
    expect(received.config().clusters).toEqual([]);
  });
});

describe("a stream that is opened anew", () => {
  function running(): Received {
    const received = new Received(nothing);
    received.reopened(["listener"]);
    received.apply("cluster", new Map([["a", edsCluster("a")]]));
    received.apply("endpoint", new Map([["a", assignment("a", [1])]]));
    received.apply("listener", new Map([["in", listener]]));
    received.apply("route", new Map([["routes", routing]]));
    return received;
  }
  const names = ({ clusters, endpoints }: ReturnType<Received["config"]>): string[] => [
    ...clusters.map(({ name }) => name),
    ...endpoints.map(({ clusterName }) => clusterName),
  ];

  it("takes no cluster away until listeners and routes have come", () => {
    const received = running();
    received.reopened(["listener", "route"]);
    received.apply("cluster", new Map([["b", edsCluster("b")]]));
    expect(received.endpointNames).toEqual(["b"]);
    received.apply("endpoint", new Map([["b", assignment("b", [2])]]));
    expect(names(received.config()).sort()).toEqual(["a", "a", "b", "b"]);
    received.apply("listener", new Map([["in", listener]]));
    expect(names(received.config()).sort()).toEqual(["a", "a", "b", "b"]);
    received.apply("route", new Map([["routes", routes("routes", [routeTo("b")])]]));
    expect(names(received.config())).toEqual(["b", "b"]);
  });

  it("waits for routes that new listeners ask for", () => {
    const received = running();
    received.reopened(["listener", "route"]);
    received.apply("cluster", new Map());
    const next = httpListener("in", socketAddress("127.0.0.1", 8080), "others");
    received.apply("listener", new Map([["in", next]]));
    received.apply("route", new Map([["routes", routing]]));
    expect(names(received.config())).toEqual(["a", "a"]);
    received.apply("route", new Map([["others", routes("others", [])]]));
    expect(names(received.config())).toEqual([]);
  });

  it("takes away at once what it has named itself", () => {
    const received = running();
    received.reopened(["listener", "route"]);
    received.apply("cluster", new Map([["a", edsCluster("a")]]));
    received.apply("cluster", new Map());
    expect(names(received.config())).toEqual([]);
  });

  it("takes clusters away at once where nothing more is to come", () => {
    const received = running();
    received.apply("cluster", new Map());
    expect(names(received.config())).toEqual([]);
  });
});

describe("objects", () => {
  it("stay the same where nothing changed", () => {
    const cluster = edsCluster("a");
    const received = new Received({ listeners: [listener], clusters: [] });
    received.apply("cluster", new Map([["a", cluster]]));
    received.apply("endpoint", new Map([["a", assignment("a", [1])]]));
    received.apply("endpoint", new Map([["a", assignment("a", [2])]]));
    expect(received.config().clusters[0]).toBe(cluster);
    expect(received.config().listeners[0]).toBe(listener);
  });
});
