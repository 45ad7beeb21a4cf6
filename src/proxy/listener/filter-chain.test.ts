import { describe, expect, it } from "vitest";
import { socketAddress } from "../../model/address.ts";
import type { FilterChain, FilterChainMatch } from "../../model/listener.ts";
import { ChainSet, CompiledChain, type CompiledFilter } from "./filter-chain.ts";

const ANY: FilterChainMatch = {
  destinationPort: undefined,
  prefixRanges: [],
  serverNames: [],
  applicationProtocols: [],
  transportProtocol: "",
};
const HTTP = { ...ANY, applicationProtocols: ["http/1.0", "http/1.1"] };

/** Matching looks at nothing but the match. */
const FILTER = { kind: "tcp" } as unknown as CompiledFilter;

function chain(name: string, match: FilterChainMatch): CompiledChain {
  return new CompiledChain({ name, match } as FilterChain, FILTER);
}

const inbound = new ChainSet(
  [
    chain("declared TCP", { ...ANY, destinationPort: 3306 }),
    chain("declared HTTP", { ...ANY, destinationPort: 80 }),
    chain("undeclared, HTTP", { ...HTTP, destinationPort: 9000 }),
    chain("undeclared, TCP", { ...ANY, destinationPort: 9000 }),
    chain("any port, HTTP", HTTP),
  ],
  chain("any port", ANY),
);

describe.each([
  { port: 3306, sniffs: false, http: "declared TCP", other: "declared TCP" },
  { port: 80, sniffs: false, http: "declared HTTP", other: "declared HTTP" },
  { port: 9000, sniffs: true, http: "undeclared, HTTP", other: "undeclared, TCP" },
  { port: 4711, sniffs: true, http: "any port, HTTP", other: "any port" },
])("a connection to port $port", ({ port, sniffs, http, other }) => {
  const destination = socketAddress("10.0.0.1", port);

  it(
    sniffs ? "waits for what the client says" : "waits for nobody: a server may speak first",
    () => {
      expect(inbound.needsSniffing(destination)).toBe(sniffs);
    },
  );

  it(`is served by "${http}" where it speaks HTTP, else by "${other}"`, () => {
    expect(inbound.find(destination, "http/1.1")?.name).toBe(http);
    expect(inbound.find(destination, "other")?.name).toBe(other);
  });
});
