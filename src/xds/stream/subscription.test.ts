import { describe, expect, it } from "vitest";
import { ClientSubscription, ServerSubscription } from "./subscription.ts";

function versions(entries: Readonly<Record<string, string>>): Map<string, string> {
  return new Map(Object.entries(entries));
}

/** The two ends of one type on one stream, with nothing lost in between. */
function pair(wholeState: boolean, names: readonly string[] = []) {
  return { server: new ServerSubscription(wholeState), client: new ClientSubscription(names) };
}

describe("a wildcard subscription of whole states", () => {
  it("is answered at once, with nothing where there is nothing", () => {
    const { server, client } = pair(true);
    expect(server.receive(client.connect())).toBe("initial");
    expect(server.next(versions({}))).toEqual({ nonce: "1", names: [], changed: [] });
  });

  it("carries everything each time, and says nothing where nothing changed", () => {
    const { server, client } = pair(true);
    server.receive(client.connect());
    server.next(versions({ a: "1", b: "1" }));
    expect(server.receive(client.accept("v1", "1"))).toBe("ack");
    expect(server.next(versions({ a: "1", b: "1" }))).toBeUndefined();
    const push = server.next(versions({ a: "1", b: "2" }));
    expect(push).toEqual({ nonce: "2", names: ["a", "b"], changed: ["b"] });
  });

  it("tells of a removal", () => {
    const { server, client } = pair(true);
    server.receive(client.connect());
    server.next(versions({ a: "1", b: "1" }));
    server.receive(client.accept("v1", "1"));
    expect(server.next(versions({ a: "1" }))?.names).toEqual(["a"]);
  });

  it("is no wildcard any more once names were given", () => {
    const { server, client } = pair(true, ["a"]);
    server.receive(client.connect());
    expect(server.next(versions({ a: "1", b: "1" }))?.names).toEqual(["a"]);
    server.receive({ ...client.accept("v1", "1"), resourceNames: [] });
    expect(server.wildcard).toBe(false);
    expect(server.next(versions({ a: "2", b: "1" }))).toBeUndefined();
  });

  it("may be asked for with a star", () => {
    const { server, client } = pair(true, ["*"]);
    server.receive(client.connect());
    expect(server.next(versions({ a: "1" }))?.names).toEqual(["a"]);
  });
});

describe("a subscription by name", () => {
  it("gets what it named, and only what changed of it", () => {
    const { server, client } = pair(false, ["a", "b"]);
    server.receive(client.connect());
    expect(server.next(versions({ a: "1", b: "1", c: "1" }))?.names).toEqual(["a", "b"]);
    server.receive(client.accept("v1", "1"));
    expect(server.next(versions({ a: "1", b: "2", c: "2" }))?.names).toEqual(["b"]);
  });

  it("waits for a resource that does not exist yet", () => {
    const { server, client } = pair(false, ["late"]);
    server.receive(client.connect());
    expect(server.next(versions({}))).toBeUndefined();
    expect(server.next(versions({ late: "1" }))?.names).toEqual(["late"]);
  });

  it("gets the new names alone when it asks for more", () => {
    const { server, client } = pair(false, ["a"]);
    server.receive(client.connect());
    server.next(versions({ a: "1", b: "1" }));
    server.receive(client.accept("v1", "1"));
    const request = client.subscribe(["b", "a"]);
    expect(request).toMatchObject({ versionInfo: "v1", responseNonce: "1" });
    if (request !== undefined) server.receive(request);
    expect(server.next(versions({ a: "1", b: "1" }))?.names).toEqual(["b"]);
  });

  it("asks nothing when the same names come in another order", () => {
    const { client } = pair(false, ["a", "b"]);
    expect(client.subscribe(["b", "a"])).toBeUndefined();
  });

  it("is told again what it gave up and wants back", () => {
    const { server, client } = pair(false, ["a"]);
    server.receive(client.connect());
    server.next(versions({ a: "1" }));
    server.receive(client.accept("v1", "1"));
    for (const names of [[], ["a"]]) {
      const request = client.subscribe(names);
      if (request !== undefined) server.receive(request);
    }
    expect(server.next(versions({ a: "1" }))?.names).toEqual(["a"]);
  });

  it("is told again what warms", () => {
    const { server, client } = pair(false, ["a"]);
    server.receive(client.connect());
    server.next(versions({ a: "1" }));
    server.receive(client.accept("v1", "1"));
    server.forget(["a"]);
    expect(server.next(versions({ a: "1" }))?.names).toEqual(["a"]);
  });
});

describe("one push at a time", () => {
  it("sends nothing while an answer is awaited, then the newest alone", () => {
    const { server, client } = pair(true);
    server.receive(client.connect());
    server.next(versions({ a: "1" }));
    expect(server.next(versions({ a: "2" }))).toBeUndefined();
    expect(server.next(versions({ a: "3" }))).toBeUndefined();
    server.receive(client.accept("v1", "1"));
    expect(server.next(versions({ a: "3" }))).toMatchObject({ nonce: "2", changed: ["a"] });
  });

  it("passes a stale answer over, names included", () => {
    const { server, client } = pair(false, ["a"]);
    server.receive(client.connect());
    const early = client.subscribe(["a", "b"]);
    server.next(versions({ a: "1", b: "1" }));
    // It crossed the response on its way: the answer to the response has the names too.
    if (early !== undefined) expect(server.receive(early)).toBe("stale");
    expect(server.outstanding).toBe(true);
    expect(server.receive(client.accept("v1", "1"))).toBe("ack");
    expect(server.next(versions({ a: "1", b: "1" }))?.names).toEqual(["b"]);
  });
});

describe("a refusal", () => {
  it("keeps the client's version and is not answered by the same again", () => {
    const { server, client } = pair(true);
    server.receive(client.connect());
    server.next(versions({ a: "1" }));
    server.receive(client.accept("v1", "1"));
    server.next(versions({ a: "bad" }));
    const refusal = client.reject("2", "no such field");
    expect(refusal).toMatchObject({ versionInfo: "v1", responseNonce: "2" });
    expect(server.receive(refusal)).toBe("nack");
    expect(server.rejection).toBe("no such field");
    expect(server.next(versions({ a: "bad" }))).toBeUndefined();
    expect(server.next(versions({ a: "good" }))?.names).toEqual(["a"]);
    server.receive(client.accept("v3", "3"));
    expect(server.rejection).toBeUndefined();
  });
});

describe("what was refused", () => {
  /** Runs version 1 of `a`, and has refused version 2. */
  function refusing(): ReturnType<typeof pair> {
    const { server, client } = pair(false, ["a"]);
    server.receive(client.connect());
    server.next(versions({ a: "1" }));
    server.receive(client.accept("v1", "1"));
    server.next(versions({ a: "bad" }));
    server.receive(client.reject("2", "no such field"));
    return { server, client };
  }

  it("is not taken by asking for other names, nor when those come", () => {
    const { server, client } = refusing();
    const request = client.subscribe(["a", "b"]);
    if (request !== undefined) expect(server.receive(request)).toBe("named");
    expect(server.rejection).toBe("no such field");
    expect(server.next(versions({ a: "bad", b: "1" }))?.names).toEqual(["b"]);
    expect(server.receive(client.accept("v3", "3"))).toBe("ack");
    expect(server.rejection).toBe("no such field");
    expect(server.next(versions({ a: "good", b: "1" }))?.names).toEqual(["a"]);
    server.receive(client.accept("v4", "4"));
    expect(server.rejection).toBeUndefined();
  });

  it("is forgotten where nobody asks for it any more", () => {
    const { server, client } = refusing();
    const request = client.subscribe(["b"]);
    if (request !== undefined) server.receive(request);
    expect(server.rejection).toBeUndefined();
  });

  it("is forgotten where there is no such thing any more", () => {
    const { server } = refusing();
    expect(server.next(versions({}))).toBeUndefined();
    expect(server.rejection).toBeUndefined();
  });

  it("of the whole state may be nothing at all", () => {
    const { server, client } = pair(true);
    server.receive(client.connect());
    server.next(versions({}));
    server.receive(client.reject("1", "I want something"));
    expect(server.rejection).toBe("I want something");
  });
});

describe("a reconnect", () => {
  it("says which version runs, and is answered in full", () => {
    const { client } = pair(true);
    client.accept("v7", "9");
    const request = client.connect();
    expect(request).toMatchObject({ versionInfo: "v7", responseNonce: "" });
    const server = new ServerSubscription(true);
    expect(server.receive(request)).toBe("initial");
    expect(server.next(versions({ a: "1" }))?.names).toEqual(["a"]);
  });
});
