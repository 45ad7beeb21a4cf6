import { describe, expect, it } from "vitest";
import {
  assignment,
  edsCluster,
  oneClusterSnapshot,
} from "../../../test/support/sample-snapshot.ts";
import type { Secret } from "../../model/transport/secret.ts";
import type { ResourceType } from "../../xds/order.ts";
import { type AdsPush, AdsStream } from "./ads-stream.ts";
import { ResourceCache } from "./resource-cache.ts";

const NODE = { id: "n", cluster: "c", metadata: {}, userAgentName: "envoy" };

/** A proxy that answers what it is told to, when it is told to. */
class Peer {
  readonly stream = new AdsStream(NODE, new ResourceCache());
  readonly #last = new Map<ResourceType, AdsPush>();

  ask(type: ResourceType, names: readonly string[] = []): string[] {
    this.stream.receive(type, this.#request(type, names, undefined));
    return this.pump();
  }

  refuse(type: ResourceType, error: string, names: readonly string[] = []): string[] {
    this.stream.receive(type, this.#request(type, names, error));
    return this.pump();
  }

  /** What is sent now, as `type count`. */
  pump(): string[] {
    return this.stream.pump().map((push) => {
      this.#last.set(push.type, push);
      return `${push.type} ${push.resources.length}`;
    });
  }

  #request(type: ResourceType, resourceNames: readonly string[], error: string | undefined) {
    const last = this.#last.get(type);
    const responseNonce = last?.nonce ?? "";
    return { versionInfo: last?.version ?? "", responseNonce, resourceNames, error };
  }
}

/** A proxy that runs version 1 of one cluster, `a`. */
function settled(): Peer {
  const peer = new Peer();
  peer.stream.update(oneClusterSnapshot("1", 80, "a", [9001]));
  peer.ask("cluster");
  peer.ask("endpoint", ["a"]);
  peer.ask("cluster");
  peer.ask("endpoint", ["a"]);
  peer.ask("listener");
  peer.ask("route", ["routes"]);
  peer.ask("listener");
  peer.ask("route", ["routes"]);
  expect(peer.stream.synced).toBe(true);
  return peer;
}

describe("make before break", () => {
  it("keeps the old cluster until routes have left it", () => {
    const peer = settled();
    peer.stream.update(oneClusterSnapshot("2", 80, "b", [9002]));
    expect(peer.pump()).toEqual(["cluster 2"]);
    // Envoy acknowledges the new cluster only once it has its endpoints.
    expect(peer.ask("endpoint", ["a", "b"])).toEqual(["endpoint 1"]);
    expect(peer.ask("cluster")).toEqual([]);
    expect(peer.ask("endpoint", ["a", "b"])).toEqual(["route 1"]);
    expect(peer.stream.synced).toBe(false);
    expect(peer.ask("route", ["routes"])).toEqual(["cluster 1"]);
    expect(peer.ask("cluster")).toEqual([]);
    expect(peer.stream.synced).toBe(true);
  });

  it("waits for the request for new endpoints before it tells of routes", () => {
    const peer = settled();
    peer.stream.update(oneClusterSnapshot("2", 80, "b", [9002]));
    peer.pump();
    expect(peer.ask("cluster")).toEqual([]);
    expect(peer.ask("endpoint", ["a", "b"])).toEqual(["endpoint 1"]);
  });

  it("sends endpoints again where their cluster changed, because it warms", () => {
    const peer = settled();
    const before = oneClusterSnapshot("1", 80, "a", [9001]);
    const clusters = [edsCluster("a", { connectTimeoutMs: 77 })];
    peer.stream.update({ ...before, version: "2", clusters });
    expect(peer.pump()).toEqual(["cluster 1", "endpoint 1"]);
  });

  it("sends endpoints alone where nothing else changed", () => {
    const peer = settled();
    peer.stream.update(oneClusterSnapshot("2", 80, "a", [9001, 9002]));
    expect(peer.pump()).toEqual(["endpoint 1"]);
  });

  it("sends nothing where the same was made anew", () => {
    const peer = settled();
    peer.stream.update(oneClusterSnapshot("2", 80, "a", [9001]));
    expect(peer.pump()).toEqual([]);
    expect(peer.stream.synced).toBe(true);
  });

  it("skips what came and went while an answer was awaited", () => {
    const peer = settled();
    peer.stream.update(oneClusterSnapshot("2", 80, "a", [9002]));
    peer.pump();
    peer.stream.update(oneClusterSnapshot("3", 80, "a", [9003]));
    peer.stream.update(oneClusterSnapshot("4", 80, "a", [9004]));
    expect(peer.pump()).toEqual([]);
    expect(peer.ask("endpoint", ["a"])).toEqual(["endpoint 1"]);
    expect(peer.stream.status()[1]).toMatchObject({ sent: "4", acknowledged: "2" });
  });
});

describe("a refusal", () => {
  it("holds routes back, stands in the status, and is mended by the next snapshot", () => {
    const peer = settled();
    const bad = oneClusterSnapshot("2", 80, "b", [9002]);
    peer.stream.update(bad);
    peer.pump();
    expect(peer.refuse("cluster", "b is bad")).toEqual([]);
    expect(peer.stream.status()[0]).toMatchObject({
      sent: "2",
      acknowledged: "1",
      rejection: "b is bad",
    });
    expect(peer.stream.synced).toBe(false);
    peer.stream.update(oneClusterSnapshot("3", 80, "a", [9003]));
    // The refused cluster was never run, so it is not kept for anybody.
    expect(peer.pump()).toEqual(["cluster 1", "endpoint 1"]);
  });

  it("of routes keeps the old cluster, to which the old routes still send", () => {
    const peer = settled();
    peer.stream.update(oneClusterSnapshot("2", 80, "b", [9002]));
    peer.pump();
    peer.ask("endpoint", ["a", "b"]);
    peer.ask("cluster");
    expect(peer.ask("endpoint", ["a", "b"])).toEqual(["route 1"]);
    expect(peer.refuse("route", "no", ["routes"])).toEqual([]);
    peer.stream.update(oneClusterSnapshot("3", 80, "c", [9003]));
    expect(peer.pump()).toEqual(["cluster 3"]);
    peer.ask("endpoint", ["a", "b", "c"]);
    peer.ask("cluster");
    expect(peer.ask("endpoint", ["a", "b", "c"])).toEqual(["route 1"]);
    expect(peer.ask("route", ["routes"])).toEqual(["cluster 1"]);
  });

  it("of clusters does not hold the endpoints of others back", () => {
    const peer = settled();
    const good = oneClusterSnapshot("1", 80, "a", [9001]);
    const clusters = [...good.clusters, edsCluster("bad")];
    peer.stream.update({ ...good, version: "2", clusters });
    peer.pump();
    peer.refuse("cluster", "no");
    peer.stream.update({ ...good, version: "3", clusters, endpoints: [assignment("a", [9])] });
    expect(peer.pump()).toEqual(["endpoint 1"]);
  });
});

describe("secrets", () => {
  const secret = (name: string, key: string): Secret => ({
    kind: "certificate",
    name,
    certificate: {
      certificateChain: { kind: "inline", text: `chain of ${key}` },
      privateKey: { kind: "inline", text: key },
    },
  });
  const snapshot = (version: string, ...secrets: Secret[]) => ({
    ...oneClusterSnapshot(version, 80, "a", [9001]),
    secrets,
  });

  it("go to whoever asks for them by name, and again when they change", () => {
    const peer = new Peer();
    peer.stream.update(snapshot("1", secret("default", "one"), secret("ROOTCA", "two")));
    expect(peer.ask("secret", ["default"])).toEqual(["secret 1"]);
    expect(peer.ask("secret", ["default"])).toEqual([]);
    peer.stream.update(snapshot("2", secret("default", "three"), secret("ROOTCA", "two")));
    expect(peer.pump()).toEqual(["secret 1"]);
  });

  it("go before the clusters and listeners that lean on them", () => {
    const peer = settled();
    peer.stream.update({ ...snapshot("1", secret("default", "one")) });
    expect(peer.ask("secret", ["default"])).toEqual(["secret 1"]);
    peer.ask("secret", ["default"]);
    const next = { ...oneClusterSnapshot("2", 80, "b", [9002]) };
    peer.stream.update({ ...next, secrets: [secret("default", "two")] });
    expect(peer.pump()).toEqual(["secret 1", "cluster 2"]);
  });

  it("are never sent without being asked for, even to whoever asks for everything", () => {
    const peer = new Peer();
    peer.stream.update(snapshot("1", secret("default", "one")));
    expect(peer.ask("secret", [])).toEqual([]);
  });

  it("of another proxy are not there, whatever their names", () => {
    const peer = new Peer();
    peer.stream.update(snapshot("1", secret("default", "mine")));
    const other = new AdsStream({ ...NODE, id: "other" }, new ResourceCache());
    other.update(snapshot("1", secret("kubernetes://theirs", "theirs")));
    expect(peer.ask("secret", ["kubernetes://theirs", "theirs", "*"])).toEqual([]);
  });

  it("that are refused do not hold up anything else", () => {
    const peer = settled();
    peer.stream.update(snapshot("1", secret("default", "one")));
    peer.ask("secret", ["default"]);
    peer.refuse("secret", "the key does not fit", ["default"]);
    peer.stream.update({ ...oneClusterSnapshot("2", 80, "b", [9002]), secrets: [] });
    expect(peer.pump()).toEqual(["cluster 2"]);
  });
});
