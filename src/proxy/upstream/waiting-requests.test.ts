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

it("those that leave from the middle do not change who is next", async () => {
  const waiting = new WaitingRequests(await cluster());
  const handlers = Array.from({ length: 5 }, () => new RecordingHandler());
  for (const handler of handlers) waiting.add(handler, "GET");
  for (const left of [0, 2, 4]) waiting.cancel(handlers[left] as RecordingHandler);
  expect(waiting.length).toBe(2);
  expect([waiting.next()?.handler, waiting.next()?.handler]).toEqual([handlers[1], handlers[3]]);
  expect([waiting.next(), waiting.length]).toEqual([undefined, 0]);
});

it("those that come from elsewhere wait behind those that are here, and may leave", async () => {
  const origin = await cluster();
  const [here, elsewhere] = [new WaitingRequests(origin), new WaitingRequests(origin)];
  const handlers = Array.from({ length: 4 }, () => new RecordingHandler());
  for (const [i, handler] of handlers.entries()) (i < 2 ? here : elsewhere).add(handler, "GET");
  here.takeOver(elsewhere);
  here.cancel(handlers[2] as RecordingHandler);
  expect([here.length, elsewhere.length]).toEqual([3, 0]);
  for (const i of [0, 1, 3]) expect(here.next()?.handler).toBe(handlers[i]);
  expect(origin.stats.value("upstream_rq_pending_active")).toBe(0);
});

// Where each that leaves were looked for among the others, this would take minutes.
it("a crowd may leave all at once, the last first", async () => {
  const origin = await cluster();
  origin.limits.change({ ...origin.config.thresholds, maxPendingRequests: 200_000 });
  const waiting = new WaitingRequests(origin);
  const handlers = Array.from({ length: 200_000 }, () => new RecordingHandler());
  for (const handler of handlers) waiting.add(handler, "GET");
  for (const handler of handlers.reverse()) waiting.cancel(handler);
  expect(waiting.length).toBe(0);
  expect(origin.limits.remainingPending).toBe(200_000);
});
