import { describe, expect, it } from "vitest";
import { readAgentFlags } from "./flags.ts";
import type { AgentFlags } from "./options.ts";

const LEAST: AgentFlags = { ca: "istiod.istio-system.svc:15012", root: "root.pem", token: "token" };

function problemsOf(flags: AgentFlags): string[] {
  const problems: string[] = [];
  expect(readAgentFlags(flags, problems)).toBeUndefined();
  return problems;
}

describe("the flags of an agent", () => {
  it("are read", () => {
    const problems: string[] = [];
    const more = { identity: "default/reviews", lifetime: "1h", socket: "/run/sds" };
    expect(readAgentFlags({ ...LEAST, ...more, socketGroup: "1000" }, problems)).toEqual({
      ca: { kind: "socket", host: "istiod.istio-system.svc", port: 15012 },
      caName: undefined,
      root: { kind: "file", path: "root.pem" },
      token: { kind: "file", path: "token" },
      identity: "spiffe://cluster.local/ns/default/sa/reviews",
      lifetimeMs: 3_600_000,
      socket: "/run/sds",
      socketGroup: 1000,
    });
    expect(problems).toEqual([]);
  });

  it.each([
    {
      flags: { identity: "a/b", trustDomain: "mesh.example" },
      id: "spiffe://mesh.example/ns/a/sa/b",
    },
    { flags: { identity: "spiffe://x/ns/a/sa/b" }, id: "spiffe://x/ns/a/sa/b" },
    { flags: {}, id: undefined },
  ])("expect $id by $flags", ({ flags, id }) => {
    expect(readAgentFlags({ ...LEAST, ...flags }, [])?.identity).toBe(id);
  });

  it("may name an address of either family", () => {
    const ca = "[2001:db8::1]:15012";
    expect(readAgentFlags({ ...LEAST, ca }, [])?.ca.host).toBe("2001:db8::1");
  });

  it("that are missing are told, all of them", () => {
    expect(problemsOf({})).toEqual([
      "--ca is missing: which certificate authority?",
      "--root is missing",
      "--token is missing",
    ]);
  });

  it.each([
    { flags: { ca: "istiod" }, says: "--ca istiod: not HOST:PORT" },
    { flags: { ca: "istiod:0" }, says: "--ca istiod:0: not HOST:PORT" },
    { flags: { ca: "http://istiod:1" }, says: "--ca http://istiod:1: not HOST:PORT" },
    { flags: { root: "-" }, says: "--root: not a file or a descriptor" },
    { flags: { token: "fd:1" }, says: "--token fd:1: not FILE, fd:N, env:NAME" },
    { flags: { identity: "a" }, says: "--identity a: not NAMESPACE/SERVICEACCOUNT" },
    { flags: { identity: "a/b", trustDomain: "A" }, says: "--identity a/b" },
    { flags: { lifetime: "1" }, says: "--lifetime 1: not a duration" },
    { flags: { lifetime: "1ms" }, says: "--lifetime 1ms: not a duration" },
    { flags: { socket: "sds" }, says: "--socket sds: not absolute" },
    { flags: { socketGroup: "app" }, says: "--socket-group app: not the number of a group" },
  ])("that are wrong are told: $says", ({ flags, says }) => {
    expect(problemsOf({ ...LEAST, ...flags })).toEqual([expect.stringContaining(says)]);
  });
});
