import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { corpusFolder } from "../../../test/support/corpus.ts";
import { type Packet, parseNatTable, redirectedTo } from "../../../test/support/nat-table.ts";
import { podInterception } from "./interception.ts";
import { type InterceptionOptions, interceptionRules } from "./rules.ts";

const NOTHING: InterceptionOptions = {
  includeInboundPorts: [],
  excludeInboundPorts: [],
  includeOutboundPorts: [],
  excludeOutboundPorts: [],
  includeOutboundRanges: [],
  excludeOutboundRanges: [],
};

const packets: fc.Arbitrary<Packet> = fc.record({
  hook: fc.constantFrom("PREROUTING" as const, "OUTPUT" as const),
  loopback: fc.boolean(),
  source: fc.constantFrom("127.0.0.6", "10.0.0.7", "127.0.0.1"),
  destination: fc.constantFrom("127.0.0.1", "127.0.0.6", "10.0.0.7", "10.200.0.1", "93.184.216.34"),
  port: fc.constantFrom(80, 9080, 15008, 15020, 15021, 15090, 31_000, 32_000),
  uid: fc.constantFrom(0, 1000, 1337),
  gid: fc.constantFrom(0, 1000, 1337),
});

describe.each([
  { golden: "empty", options: NOTHING },
  { golden: "inbound-ports-wildcard", options: { ...NOTHING, includeInboundPorts: "*" as const } },
  {
    golden: "inbound-ports-include",
    options: { ...NOTHING, includeInboundPorts: [32_000, 31_000] },
  },
  {
    golden: "outbound-ports-include",
    options: { ...NOTHING, includeOutboundPorts: [32_000, 31_000] },
  },
  { golden: "ipnets", options: { ...NOTHING, includeOutboundRanges: ["10.0.0.0/8"] } },
])("the rules for istio-init's golden file $golden", ({ golden, options }) => {
  const folder = corpusFolder("istio/iptables");
  const text = folder && readFileSync(join(folder, `${golden}.golden`), "utf8");

  it.skipIf(text === undefined)("treat every packet as istio-init's do", () => {
    const theirs = parseNatTable(text ?? "");
    const ours = parseNatTable(interceptionRules(options, undefined));
    fc.assert(
      fc.property(packets, (packet) => {
        expect(redirectedTo(ours, packet)).toBe(redirectedTo(theirs, packet));
      }),
      { numRuns: 2000 },
    );
  });
});

const FROM_APP: Packet = {
  hook: "OUTPUT",
  loopback: false,
  source: "10.200.0.2",
  destination: "10.96.0.10",
  port: 9080,
  uid: 0,
  gid: 0,
};
const TO_APP: Packet = { ...FROM_APP, hook: "PREROUTING", destination: "10.200.0.2" };

describe.each([
  { what: "an app's call", packet: FROM_APP, to: 15_001 },
  { what: "a call to the app", packet: TO_APP, to: 15_006 },
  { what: "the sidecar's call", packet: { ...FROM_APP, uid: 1337, gid: 1337 }, to: undefined },
  { what: "an app's call to the control plane", destination: "10.200.0.1", to: undefined },
  { what: "a scrape of another pod", packet: { ...FROM_APP, port: 15_020 }, to: undefined },
  { what: "a scrape of this pod", packet: { ...TO_APP, port: 15_090 }, to: undefined },
  {
    what: "the sidecar's call to its own pod by a service's name",
    packet: { ...FROM_APP, loopback: true, uid: 1337, gid: 1337 },
    to: 15_006,
  },
  {
    what: "the sidecar's delivery to its app",
    packet: { ...FROM_APP, loopback: true, source: "127.0.0.6", uid: 1337, gid: 1337 },
    to: undefined,
  },
])("in a pod without annotations, $what", ({ packet, destination, to }) => {
  it(to === undefined ? "passes" : `goes to ${to}`, () => {
    const { options } = podInterception({}, "10.200.0.1", "Pod default/x");
    const table = parseNatTable(interceptionRules(options, undefined));
    const sent = { ...FROM_APP, ...packet, ...(destination === undefined ? {} : { destination }) };
    expect(redirectedTo(table, sent)).toBe(to);
  });
});

describe.each([
  { annotation: "excludeInboundPorts", value: "9080", packet: TO_APP, to: undefined },
  { annotation: "includeInboundPorts", value: "80, 81", packet: TO_APP, to: undefined },
  { annotation: "includeInboundPorts", value: "9080", packet: TO_APP, to: 15_006 },
  { annotation: "includeInboundPorts", value: "", packet: TO_APP, to: undefined },
  { annotation: "excludeOutboundPorts", value: "9080", packet: FROM_APP, to: undefined },
  { annotation: "excludeOutboundIPRanges", value: "10.96.0.0/12", packet: FROM_APP, to: undefined },
  { annotation: "includeOutboundIPRanges", value: "10.0.0.0/8", packet: FROM_APP, to: 15_001 },
  { annotation: "includeOutboundIPRanges", value: "9.0.0.0/8", packet: FROM_APP, to: undefined },
])("the annotation $annotation: $value", ({ annotation, value, packet, to }) => {
  it(to === undefined ? "lets the packet pass" : `sends the packet to ${to}`, () => {
    const annotations = { [`traffic.sidecar.istio.io/${annotation}`]: value };
    const { options } = podInterception(annotations, "10.200.0.1", "Pod default/x");
    expect(redirectedTo(parseNatTable(interceptionRules(options, undefined)), packet)).toBe(to);
  });
});

describe("annotations that cannot be read", () => {
  it("are all reported, with what was found and what is allowed", () => {
    const annotations = {
      "traffic.sidecar.istio.io/excludeInboundPorts": "80,http,70000",
      "traffic.sidecar.istio.io/includeOutboundIPRanges": "10.0.0.0/33",
    };
    const { diagnostics } = podInterception(annotations, "10.200.0.1", "Deployment a/b");
    expect(diagnostics.map(({ found }) => found)).toEqual(["http", "70000", "10.0.0.0/33"]);
  });
});
