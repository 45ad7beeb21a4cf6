/** The same file and the same requests in flight, through a real Envoy and through Outrigger. */
import { once } from "node:events";
import fs from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LimitsScene } from "../support/limits-scene.ts";
import { describeWith } from "../support/tools.ts";

const YAML = fs.readFileSync(new URL("differential-limits.yaml", import.meta.url), "utf8");
const DIFFERENCES = fs.readFileSync(new URL("../../docs/differences.md", import.meta.url), "utf8");
const GRPC = { "content-type": "application/grpc" };

interface Case {
  readonly name: string;
  readonly run: (scene: LimitsScene) => Promise<unknown>;
  /** A heading of docs/differences.md, where the two differ. */
  readonly difference?: string;
}

const CASES: readonly Case[] = [
  {
    name: "one connection, and one request that waits for it",
    run: async (scene) => {
      const first = scene.ask("/one");
      await scene.held("/one", 1);
      const second = scene.ask("/one");
      await scene.until("one", "upstream_rq_pending_active", 1);
      const refused = [await scene.ask("/one"), await scene.ask("/one", GRPC)];
      const full = await scene.stats("one");
      scene.release();
      await first;
      await scene.held("/one", 1);
      const half = await scene.stats("one");
      scene.release();
      const served = [(await first).status, (await second).status];
      await scene.until("one", "upstream_rq_active", 0);
      return [refused, full, served, half, await scene.stats("one")];
    },
  },
  {
    name: "one connection, for which nobody waits",
    difference: "A limit of nothing is reached",
    run: async (scene) => {
      const refused = await scene.ask("/none-waits");
      return [refused, await scene.stats("none-waits")];
    },
  },
  {
    name: "one request",
    run: async (scene) => {
      const first = scene.ask("/requests");
      await scene.held("/requests", 1);
      const refused = await scene.ask("/requests");
      const full = await scene.stats("requests");
      scene.release();
      await first;
      await scene.until("requests", "upstream_rq_active", 0);
      return [refused, full, await scene.stats("requests")];
    },
  },
  {
    name: "nothing at all",
    difference: "A limit of nothing is reached",
    run: async (scene) => [await scene.ask("/nothing"), await scene.stats("nothing")],
  },
  {
    name: "requests over HTTP/2",
    run: async (scene) => {
      const first = scene.ask("/h2/requests");
      await scene.held("/h2/requests", 1);
      const both = [first, scene.ask("/h2/requests")];
      await scene.held("/h2/requests", 2);
      const refused = await scene.ask("/h2/requests");
      const full = await scene.stats("h2-requests");
      scene.release();
      await Promise.all(both);
      await scene.until("h2-requests", "upstream_rq_active", 0);
      return [refused, full, await scene.stats("h2-requests")];
    },
  },
  {
    name: "streams of HTTP/2",
    run: async (scene) => {
      const first = scene.ask("/h2/streams");
      await scene.held("/h2/streams", 1);
      const second = scene.ask("/h2/streams");
      await scene.until("h2-streams", "upstream_rq_pending_active", 1);
      const refused = await scene.ask("/h2/streams");
      const full = await scene.stats("h2-streams");
      scene.release();
      await first;
      await scene.held("/h2/streams", 1);
      scene.release();
      await second;
      await scene.until("h2-streams", "upstream_rq_active", 0);
      return [refused, full, await scene.stats("h2-streams")];
    },
  },
  ...["retries", "budget"].map((name) => ({
    name: `one retry, which leaves no room for another: ${name}`,
    ...(name === "budget" ? { difference: "A retry budget shows what is left of it" } : {}),
    run: async (scene: LimitsScene) => {
      const [full, other] = [`/${name}/full`, `/${name}/other`];
      const first = scene.ask(full, { "x-status": "503" });
      await scene.held(full, 1);
      scene.release();
      await scene.until(name, "upstream_rq_retry", 1);
      await scene.held(full, 1);
      const second = scene.ask(other, { "x-status": "503" });
      await scene.held(other, 1);
      const during = await scene.stats(name);
      scene.origin.release(other);
      const refused = await second;
      scene.release();
      const answers = [refused, await first];
      await scene.until(name, "upstream_rq_active", 0);
      return [answers, during, await scene.stats(name)];
    },
  })),
  {
    name: "hosts have a connection each",
    run: async (scene) => {
      const first = scene.ask("/hosts");
      await scene.held("/hosts", 1);
      const both = [first, scene.ask("/hosts")];
      await scene.held("/hosts", 2);
      const full = await scene.stats("hosts");
      scene.release();
      await Promise.all(both);
      await scene.until("hosts", "upstream_rq_active", 0);
      return [full, await scene.stats("hosts")];
    },
  },
  {
    name: "one connection of TCP",
    run: async (scene) => {
      const first = await scene.connect("TCP");
      await scene.until("tcp", "upstream_cx_active", 1);
      const second = await scene.connect("TCP");
      second.resume();
      await once(second, "close");
      await scene.until("tcp", "upstream_cx_overflow", 1);
      const full = await scene.stats("tcp");
      first.destroy();
      await scene.until("tcp", "upstream_cx_active", 0);
      return [full, await scene.stats("tcp")];
    },
  },
  {
    name: "nobody may wait for a connection of TCP",
    difference: "A limit of nothing is reached",
    run: async (scene) => {
      const socket = await scene.connect("TCP_NONE");
      socket.resume();
      await once(socket, "close");
      await scene.until("tcp-nobody-waits", "upstream_rq_pending_overflow", 1);
      return scene.stats("tcp-nobody-waits");
    },
  },
];

/** Without the gauges of limits: all that happens, and all that is counted. */
function without(found: unknown, left = /\.circuit_breakers\./): unknown {
  return JSON.parse(JSON.stringify(found, (key, value) => (left.test(key) ? undefined : value)));
}

/**
 * Which worker has a client, chance says: a second one may open a connection, or wait for one. Of a
 * series that is new the main thread hears a moment later.
 */
const BY_THREAD = new RegExp(
  [
    "\\.circuit_breakers\\.",
    "\\.upstream_cx_(overflow|total|active)",
    "\\.upstream_rq_(pending_total|503|5xx|200|completed)",
  ].join("|"),
);

/** On several threads hosts have no more connections than the cluster may. */
const ONE_THREAD_ONLY = "hosts have a connection each";

describeWith(["envoy"], "limits of Envoy and Outrigger", () => {
  describe.each([
    { title: "one thread", workers: 1 },
    { title: "two threads", workers: 2 },
  ])("on $title", ({ workers }) => {
    let envoy: LimitsScene;
    let outrigger: LimitsScene;

    beforeAll(async () => {
      envoy = await LimitsScene.start("envoy", YAML, 1);
      outrigger = await LimitsScene.start("outrigger", YAML, workers);
    });

    afterAll(async () => {
      await envoy?.stop();
      await outrigger?.stop();
    });

    const cases = CASES.filter(({ name }) => workers === 1 || name !== ONE_THREAD_ONLY);

    it.each(cases)("$name", async ({ difference, run }) => {
      const wanted = await run(envoy);
      const found = await run(outrigger);
      if (workers > 1) {
        expect(without(found, BY_THREAD)).toEqual(without(wanted, BY_THREAD));
      } else if (difference === undefined) {
        expect(found).toEqual(wanted);
      } else {
        expect(found).not.toEqual(wanted);
        expect(without(found)).toEqual(without(wanted));
        expect(DIFFERENCES).toContain(`\n### ${difference}\n`);
      }
    });
  });
});
