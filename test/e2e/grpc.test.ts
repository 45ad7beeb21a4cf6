import * as grpc from "@grpc/grpc-js";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { GrpcChain } from "../support/grpc-chain.ts";
import type { ProxyKind } from "../support/proxy-program.ts";
import { describeWith } from "../support/tools.ts";

/** From the client's side. Envoy alone shows that the tests themselves are right. */
const CHAINS: readonly { readonly kinds: readonly ProxyKind[]; readonly secure: boolean }[] = [
  { kinds: ["envoy"], secure: false },
  { kinds: ["outrigger"], secure: false },
  { kinds: ["outrigger", "outrigger"], secure: false },
  { kinds: ["envoy", "outrigger"], secure: false },
  { kinds: ["outrigger", "envoy"], secure: false },
  { kinds: ["envoy"], secure: true },
  { kinds: ["outrigger"], secure: true },
  { kinds: ["outrigger", "outrigger"], secure: true },
  { kinds: ["envoy", "outrigger"], secure: true },
  { kinds: ["outrigger", "envoy"], secure: true },
];

const { DEADLINE_EXCEEDED, CANCELLED, OK, PERMISSION_DENIED, UNAVAILABLE } = grpc.status;

/** Long enough for a busy machine to have brought the call to its server. */
const DEADLINE_MS = 1500;

describeWith(["envoy"], "gRPC", () => {
  const named = CHAINS.map((chain) => ({
    ...chain,
    name: `${chain.kinds.join(" and ")}, ${chain.secure ? "TLS" : "h2c"}`,
  }));
  describe.each(named)("through $name", ({ kinds, secure }) => {
    let chain: GrpcChain;

    beforeAll(async () => {
      chain = await GrpcChain.start(kinds, secure);
    });

    afterAll(() => chain?.stop());

    beforeEach(() => {
      for (const server of chain.servers) server.seen.length = 0;
    });

    it("one message is answered with one, metadata and trailers", async () => {
      const ending = await chain.client().unary({ text: "hi" }, { metadata: { "x-mine": "1" } });
      expect(ending).toMatchObject({ code: OK, trailers: { "x-trailer": "last" } });
      const [answer] = ending.answers;
      expect(answer?.text).toBe("hi");
      expect(ending.metadata["x-server"]).toBe(answer?.from);
      const [seen] = chain.servers.flatMap((server) => server.seen);
      expect(seen).toMatchObject({ method: "/echo.Echo/Unary", metadata: { "x-mine": "1" } });
    });

    it("one message is answered with a stream", async () => {
      const ending = await chain.client().serverStream({ text: "n", answers: 50 });
      expect(ending.code).toBe(OK);
      expect(ending.answers.map(({ text }) => text)).toEqual(
        Array.from({ length: 50 }, (_, i) => `n ${i}`),
      );
    });

    it("a stream is answered with one message", async () => {
      const ending = await chain.client().clientStream([{ text: "a" }, { text: "b" }]);
      expect(ending).toMatchObject({ code: OK, answers: [{ text: "a b" }] });
    });

    it("two streams go both ways at once", async () => {
      const call = chain.client().start("bidi", undefined);
      for (const text of ["one", "two", "three"]) {
        call.send({ text });
        await expect.poll(() => call.answers.at(-1)?.text).toBe(text);
      }
      call.end();
      expect((await call.ending).code).toBe(OK);
    });

    it("messages of a megabyte pass both ways, many at a time", async () => {
      const client = chain.client();
      const text = "x".repeat(1024 * 1024);
      const endings = await Promise.all(Array.from({ length: 8 }, () => client.unary({ text })));
      for (const { answers } of endings) expect(answers[0]?.text).toBe(text);
    });

    it("a server's status and message reach the client, after answers and without", async () => {
      const fail = { code: 9, details: "50% of é~" };
      const client = chain.client();
      expect(await client.unary({ text: "", fail })).toMatchObject({ ...fail, answers: [] });
      const ending = await client.serverStream({ text: "n", answers: 2, fail });
      expect(ending).toMatchObject(fail);
      expect(ending.answers).toHaveLength(2);
    });

    it("a deadline reaches the server, and ends the call there too", async () => {
      const ending = await chain
        .client()
        .unary({ text: "", silent: true }, { deadlineMs: DEADLINE_MS });
      expect(ending.code).toBe(DEADLINE_EXCEEDED);
      const [seen] = chain.servers.flatMap((server) => server.seen);
      expect(seen?.leftMs).toBeLessThanOrEqual(DEADLINE_MS);
      await expect.poll(() => seen?.cancelled).toBe(true);
    });

    it("a route bounds deadlines", async () => {
      const call = { text: "", silent: true };
      const { code } = await chain.client("bounded.test").unary(call, { deadlineMs: 30_000 });
      expect(code).toBe(DEADLINE_EXCEEDED);
    });

    it("a client that cancels is heard by the server", async () => {
      const call = chain.client().start("serverStream", { text: "n", silent: true });
      await expect.poll(() => call.answers.length).toBe(1);
      call.cancel();
      expect((await call.ending).code).toBe(CANCELLED);
      const [seen] = chain.servers.flatMap((server) => server.seen);
      await expect.poll(() => seen?.cancelled).toBe(true);
    });

    it("calls of one connection are spread over the servers", async () => {
      const client = chain.client();
      for (let i = 0; i < 8; i++) await client.unary({ text: "" });
      expect(chain.servers.map(({ seen }) => seen.length)).toEqual([4, 4]);
    });

    it("a call that a server cannot take is tried at the other", async () => {
      const client = chain.client("retry.test");
      const fail = { code: UNAVAILABLE, details: "not here", at: "a" };
      for (let i = 0; i < 4; i++) {
        const { answers, code } = await client.unary({ text: "hi", fail });
        expect({ code, from: answers[0]?.from }).toEqual({ code: OK, from: "b" });
      }
    });

    it("the proxy's own answers are gRPC's", async () => {
      expect(await chain.client("direct.test").unary({ text: "" })).toMatchObject({
        code: PERMISSION_DENIED,
        details: "100% refused",
      });
      const dead = await chain.client("dead.test").unary({ text: "" });
      expect(dead.code).toBe(UNAVAILABLE);
      expect(dead.details).toContain("remote connection failure");
    });
  });
});
