import { describe, expect, it } from "vitest";
import { assignment, edsCluster } from "../../../test/support/sample-snapshot.ts";
import type { ProxyConfig } from "../../model/bootstrap.ts";
import { ConfigReceiver } from "./config-receiver.ts";
import { ConfigSender, namesOf } from "./config-sender.ts";
import type { ConfigPiece } from "./message.ts";

function ports(count: number): number[] {
  return Array.from({ length: count }, (_, index) => 1000 + index);
}

function config(names: readonly string[], endpoints = 1): ProxyConfig {
  return {
    listeners: [],
    routes: [],
    clusters: names.map((name) => edsCluster(name)),
    endpoints: names.map((name) => assignment(name, ports(endpoints))),
  };
}

/** Both ends, with what a message does to objects in between. */
class Line {
  readonly sender = new ConfigSender();
  readonly receiver = new ConfigReceiver();

  /** The pieces that were sent, and the configuration as it arrived. */
  send(sent: ProxyConfig): { pieces: ConfigPiece[]; got: ProxyConfig } {
    const pieces = [...this.sender.pieces(sent)];
    for (const piece of pieces) this.receiver.take(structuredClone(piece));
    return { pieces, got: this.receiver.config(namesOf(sent)) };
  }

  commit(sent: ProxyConfig, got: ProxyConfig): void {
    this.receiver.commit(got);
    this.sender.committed(sent);
  }
}

function weightOf(piece: ConfigPiece): number {
  if (piece.kind === "endpoints") return piece.endpoints.length;
  return piece.resources.reduce((sum, each) => {
    if (!("localities" in each)) return sum;
    return sum + each.localities.reduce((count, { endpoints }) => count + endpoints.length, 0);
  }, 0);
}

describe("a configuration on its way to a worker", () => {
  it("arrives as it was sent", () => {
    const sent = config(["a", "b"], 3);
    expect(new Line().send(sent).got).toEqual(sent);
  });

  it("is cut into pieces of at most some hundred endpoints", () => {
    const sent = { ...config(["a"], 5000), endpoints: config(["a"], 5000).endpoints };
    const { pieces, got } = new Line().send(sent);
    expect(Math.max(...pieces.map(weightOf))).toBeLessThanOrEqual(500);
    expect(got).toEqual(sent);
    const many = config(ports(300).map(String), 10);
    const line = new Line().send(many);
    expect(Math.max(...line.pieces.map(weightOf))).toBeLessThan(600);
    expect(line.got).toEqual(many);
  });

  it("brings only what is new, and keeps the objects of what is not", () => {
    const line = new Line();
    const first = config(["a", "b"]);
    const one = line.send(first);
    line.commit(first, one.got);
    const second = {
      ...first,
      endpoints: [assignment("a", ports(2)), ...first.endpoints.slice(1)],
    };
    const { pieces, got } = line.send(second);
    expect(pieces.length).toBe(1);
    expect(got).toEqual(second);
    expect(got.clusters[0]).toBe(one.got.clusters[0]);
    expect(got.endpoints[1]).toBe(one.got.endpoints[1]);
  });

  it("leaves nothing behind when it is abandoned", () => {
    const line = new Line();
    const first = config(["a"]);
    line.commit(first, line.send(first).got);
    line.send(config(["a", "b"], 7));
    line.receiver.abandon();
    expect(line.send(first)).toEqual({ pieces: [], got: first });
    expect(line.receiver.config(namesOf(config(["b"])))).toEqual({ ...config([]) });
  });

  it("is forgotten where the next one does without it", () => {
    const line = new Line();
    for (const sent of [config(["a", "b"]), config(["a"])]) line.commit(sent, line.send(sent).got);
    expect(line.send(config(["b"])).pieces.length).toBe(2);
  });
});
