import { expect, it } from "vitest";
import { oneHop, originServer } from "../../../test/support/one-hop.ts";
import { RecordingHandler } from "../../../test/support/recording-handler.ts";
import type { UpstreamCluster } from "../cluster/upstream-cluster.ts";
import { WaitingRequests } from "./waiting-requests.ts";

async function cluster(): Promise<UpstreamCluster> {
  const { proxy } = await oneHop(await originServer());
  const found = proxy.dataPlane.clusters.slot("origin").cluster;
  if (found === undefined) throw new Error("there is no cluster");
  return found;
}

it("who leaves while others are refused hears nothing, and counts once", async () => {
  const origin = await cluster();
  const waiting = new WaitingRequests(origin);
  const [first, second] = [new RecordingHandler(), new RecordingHandler()];
  waiting.add(first, "GET");
  waiting.add(second, "GET");
  first.onTold = () => waiting.cancel(second);
  waiting.giveUp();
  waiting.refuse("connection timeout", "");
  expect([first.told, second.told]).toEqual([["no connection: connection timeout"], []]);
  expect(origin.stats.value("upstream_rq_pending_active")).toBe(0);
  expect(origin.limits.remainingPending).toBe(1024);
});

it("who begins to wait while others are refused waits on", async () => {
  const waiting = new WaitingRequests(await cluster());
  const [first, second] = [new RecordingHandler(), new RecordingHandler()];
  waiting.add(first, "GET");
  first.onTold = () => waiting.add(second, "GET");
  waiting.giveUp();
  waiting.refuse("connection timeout", "");
  expect(second.told).toEqual([]);
  expect(waiting.next()?.handler).toBe(second);
});
