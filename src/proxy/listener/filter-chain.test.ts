import { describe, expect, it } from "vitest";
import { socketAddress } from "../../model/address.ts";
import type { CidrRange, FilterChain, FilterChainMatch } from "../../model/listener.ts";
import type { ServerContext } from "../tls/server-context.ts";
import { ChainSet, CompiledChain, type CompiledFilter } from "./filter-chain.ts";
import { type FirstBytes, SILENT } from "./first-bytes.ts";
import { Ends } from "./match/ends.ts";

const ANY: FilterChainMatch = {
  destinationPort: undefined,
  prefixRanges: [],
  serverNames: [],
  applicationProtocols: [],
  transportProtocol: "",
  directSourcePrefixRanges: [],
  sourceType: "any",
  sourcePrefixRanges: [],
  sourcePorts: [],
};
const HTTP = { ...ANY, applicationProtocols: ["http/1.0", "http/1.1"] };
const HTTP_1_1: FirstBytes = { ...SILENT, applicationProtocols: ["http/1.1"] };

/** Matching looks at nothing but the match. */
const FILTER = { kind: "tcp", tcp: { context: { carrying: false } } } as unknown as CompiledFilter;
const TLS = {} as unknown as ServerContext;

function chain(name: string, match: Partial<FilterChainMatch>, tls?: ServerContext): CompiledChain {
  return new CompiledChain({ name, match: { ...ANY, ...match } } as FilterChain, FILTER, tls);
}

/** A connection from somewhere else. */
function to(host: string, port: number): Ends {
  const remote = socketAddress("192.0.2.1", 40_000);
  return new Ends({ destination: socketAddress(host, port), remote, direct: remote });
}

const inbound = new ChainSet(
  [
    chain("declared TCP", { destinationPort: 3306 }),
    chain("declared HTTP", { destinationPort: 80 }),
    chain("undeclared, HTTP", { ...HTTP, destinationPort: 9000 }),
    chain("undeclared, TCP", { destinationPort: 9000 }),
    chain("any port, HTTP", HTTP),
  ],
  chain("any port", ANY),
);

describe.each([
  { port: 3306, waits: false, http: "declared TCP", other: "declared TCP" },
  { port: 80, waits: false, http: "declared HTTP", other: "declared HTTP" },
  { port: 9000, waits: true, http: "undeclared, HTTP", other: "undeclared, TCP" },
  { port: 4711, waits: true, http: "any port, HTTP", other: "any port" },
])("a connection to port $port", ({ port, waits, http, other }) => {
  const destination = to("10.0.0.1", port);

  it(
    waits ? "waits for what the client says" : "waits for nobody: a server may speak first",
    () => {
      expect(inbound.needsRequest(destination)).toBe(waits);
      expect(inbound.needsHello(destination, false)).toBe(false);
    },
  );

  it(`is served by "${http}" where it speaks HTTP, else by "${other}"`, () => {
    expect(inbound.find(destination, HTTP_1_1)?.name).toBe(http);
    expect(inbound.find(destination, SILENT)?.name).toBe(other);
  });
});

function hello(serverName: string, ...applicationProtocols: string[]): FirstBytes {
  return { transport: "tls", serverName, applicationProtocols };
}

const HERE = to("10.0.0.1", 443);

describe("a server name", () => {
  const chains = new ChainSet(
    [
      chain("any name", {}),
      chain("wide", { serverNames: ["*.example"] }),
      chain("narrow", { serverNames: ["other", "*.api.Example"] }),
      chain("exact", { serverNames: ["a.api.example"] }),
    ],
    undefined,
  );

  it.each([
    ["a.api.example", "exact"],
    ["b.api.example", "narrow"],
    ["x.y.api.example", "narrow"],
    ["api.example", "wide"],
    ["other", "narrow"],
    ["example", "any name"],
    ["badapi.example", "wide"],
    ["", "any name"],
  ])("%j leads to %s: exact, then the longest wildcard, then any", (name, expected) => {
    expect(chains.find(HERE, hello(name))?.name).toBe(expected);
  });

  it("has to be read first", () => {
    expect(chains.needsHello(HERE, false)).toBe(true);
  });
});

describe("a transport protocol", () => {
  const chains = new ChainSet(
    [
      chain("secure", { transportProtocol: "tls" }),
      chain("plain", { transportProtocol: "raw_buffer" }),
    ],
    undefined,
  );

  it("tells TLS from plain bytes", () => {
    expect(chains.find(HERE, hello("a"))?.name).toBe("secure");
    expect(chains.find(HERE, SILENT)?.name).toBe("plain");
    expect(chains.needsHello(HERE, false)).toBe(true);
  });
});

describe("application protocols", () => {
  const chains = new ChainSet(
    [
      chain("mesh", { applicationProtocols: ["istio"] }),
      chain("web", { applicationProtocols: ["h2", "http/1.1"] }),
      chain("other", {}),
    ],
    undefined,
  );

  it.each([
    { offered: ["istio", "h2"], expected: "mesh" },
    { offered: ["h2", "istio"], expected: "web" },
    { offered: ["x", "http/1.1"], expected: "web" },
    { offered: [], expected: "other" },
  ])("$offered lead to $expected: the client's first choice counts", ({ offered, expected }) => {
    expect(chains.find(HERE, hello("", ...offered))?.name).toBe(expected);
  });

  it("are read out of a hello only where the listener inspects TLS", () => {
    expect(chains.needsHello(HERE, false)).toBe(false);
    expect(chains.needsHello(HERE, true)).toBe(true);
  });
});

describe("the order of importance", () => {
  const fallback = chain("default", {});

  it.each([
    {
      first: "the port",
      chains: [chain("port", { destinationPort: 443 }), chain("name", { serverNames: ["a"] })],
      expected: "port",
    },
    {
      first: "the address",
      chains: [
        chain("range", { prefixRanges: [{ address: "10.0.0.0", prefixLength: 8 }] }),
        chain("name", { serverNames: ["a"] }),
      ],
      expected: "range",
    },
    {
      first: "the name",
      chains: [
        chain("name", { serverNames: ["a"] }),
        chain("transport", { transportProtocol: "tls", applicationProtocols: ["h2"] }),
      ],
      expected: "name",
    },
    {
      first: "the transport",
      chains: [
        chain("transport", { transportProtocol: "tls" }),
        chain("application", { applicationProtocols: ["h2"] }),
      ],
      expected: "transport",
    },
    {
      first: "the port, and what then fails gets the default",
      chains: [
        chain("port", { destinationPort: 443, serverNames: ["b"] }),
        chain("name", { serverNames: ["a"] }),
      ],
      expected: "default",
    },
  ])("has $first first", ({ chains, expected }) => {
    expect(new ChainSet(chains, fallback).find(HERE, hello("a", "h2"))?.name).toBe(expected);
  });
});

it("needs a hello where TLS is terminated, and only towards those chains", () => {
  const chains = new ChainSet(
    [chain("secure", { destinationPort: 443 }, TLS), chain("plain", { destinationPort: 80 })],
    undefined,
  );
  expect(chains.needsHello(HERE, false)).toBe(true);
  expect(chains.needsHello(to("10.0.0.1", 80), true)).toBe(false);
});

describe("a connection's source", () => {
  const net = (address: string, prefixLength: number): CidrRange => ({ address, prefixLength });

  /** From `source`, which a proxy at `direct` may have named. */
  function from(source: string, port = 40_000, direct = source): Ends {
    return new Ends({
      destination: socketAddress("10.0.0.1", 443),
      remote: socketAddress(source, port),
      direct: socketAddress(direct, 50_000),
    });
  }

  function found(chains: readonly CompiledChain[], ends: Ends): string | undefined {
    return new ChainSet(chains, chain("default", {})).find(ends, SILENT)?.name;
  }

  it.each([
    ["10.1.2.3", "narrow"],
    ["10.2.2.3", "wide"],
    ["2001:db8::7", "wide"],
    ["11.0.0.1", "any"],
    ["::ffff:a01:203", "any"],
  ])("%s is in the longest range that holds it: %s", (source, expected) => {
    const chains = [
      chain("any", {}),
      chain("wide", { sourcePrefixRanges: [net("10.0.0.0", 8), net("2001:db8::", 32)] }),
      chain("narrow", { sourcePrefixRanges: [net("10.1.99.99", 16)] }),
    ];
    expect(found(chains, from(source))).toBe(expected);
  });

  it.each([
    ["127.0.0.1", "local"],
    ["127.0.0.2", "external"],
    ["::1", "local"],
    ["10.0.0.1", "local"],
    ["10.0.0.2", "external"],
    ["", "local"],
  ])("%j is %s", (source, expected) => {
    const chains = [
      chain("local", { sourceType: "sameIpOrLoopback" }),
      chain("external", { sourceType: "external" }),
    ];
    expect(found(chains, from(source))).toBe(expected);
  });

  it("may be told by its port", () => {
    const chains = [chain("low", { sourcePorts: [1, 1023] }), chain("any", {})];
    expect(found(chains, from("10.9.9.9", 1023))).toBe("low");
    expect(found(chains, from("10.9.9.9", 1024))).toBe("any");
  });

  it("is not the proxy that tells of it, which has a range of its own", () => {
    const chains = [
      chain("trusted", { directSourcePrefixRanges: [net("192.0.2.0", 24)] }),
      chain("client", { sourcePrefixRanges: [net("198.51.100.0", 24)] }),
    ];
    expect(found(chains, from("198.51.100.1", 1, "192.0.2.1"))).toBe("trusted");
    expect(found(chains, from("198.51.100.1", 1, "203.0.113.1"))).toBe("client");
    expect(found(chains, from("192.0.2.1", 1, "203.0.113.1"))).toBe("default");
  });

  const steps = [
    ["application", { applicationProtocols: ["other"] }],
    ["direct", { directSourcePrefixRanges: [net("10.0.0.0", 8)] }],
    ["type", { sourceType: "external" }],
    ["range", { sourcePrefixRanges: [net("10.0.0.0", 8)] }],
    ["port", { sourcePorts: [40_000] }],
  ] as const;

  it.each(steps.slice(1).map(([name], i) => [steps[i]?.[0] ?? "", name]))(
    "counts less the further behind: %s before %s",
    (first, second) => {
      const chains = steps
        .filter(([name]) => name === first || name === second)
        .map(([name, match]) => chain(name, match));
      expect(found(chains, from("10.9.9.9"))).toBe(first);
      expect(found(chains.toReversed(), from("10.9.9.9"))).toBe(first);
    },
  );
});
