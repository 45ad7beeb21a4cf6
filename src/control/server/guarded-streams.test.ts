import { Code, type HandlerContext } from "@connectrpc/connect";
import { expect, it } from "vitest";
import { Outbox } from "../../xds/stream/outbox.ts";
import { type GuardedStream, GuardedStreams, TRUSTING } from "./guarded-streams.ts";

const CONTEXT = { signal: new AbortController().signal } as HandlerContext;

/** Streams that answer each text with its length, at most one of them at a time. */
function streams(): GuardedStreams<string, number, GuardedStream<number>> {
  return new GuardedStreams({
    streamsMax: 1,
    begin: (_, parts) => parts,
    take: ({ outbox }, text) => outbox.put(text.length),
  });
}

it("a stream that has not said anything yet counts as one", async () => {
  const service = streams();
  const silent = new Outbox<string>();
  const first = service.serve(silent.drain(), CONTEXT, TRUSTING);
  const answer = first.next();
  const second = service.serve(new Outbox<string>().drain(), CONTEXT, TRUSTING);
  await expect(second.next()).rejects.toMatchObject({ code: Code.ResourceExhausted });
  silent.put("four");
  expect(await answer).toEqual({ done: false, value: 4 });
  silent.end();
  expect((await first.next()).done).toBe(true);
});

it("a stream that is over makes room for another", async () => {
  const service = streams();
  for (let i = 0; i < 3; i++) {
    const asked = new Outbox<string>();
    asked.put("four");
    asked.end();
    const answers = service.serve(asked.drain(), CONTEXT, TRUSTING);
    expect((await answers.next()).value).toBe(4);
    expect((await answers.next()).done).toBe(true);
  }
  expect(service.open.size).toBe(0);
});
