import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { corpusFolder } from "../../../test/support/corpus.ts";
import {
  type Packet,
  parseNatTable,
  redirectedTo,
  rewrittenTo,
} from "../../../test/support/nat-table.ts";
import type { PodTraffic } from "../../dialects/kubernetes/annotations/pod-traffic.ts";
import { podInterception } from "./interception.ts";
import { interceptionRules } from "./rules.ts";

const NOTHING: PodTraffic = {
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

const ipv6Packets: fc.Arbitrary<Packet> = packets.chain((packet) =>
  fc
    .record({
      source: fc.constantFrom("::6", "fd00::7", "::1"),
      destination: fc.constantFrom("::1", "::6", "fd00::7", "2001:db8::1", "2001:db9::1"),
    })
    .map((ends) => ({ ...packet, ...ends })),
);

describe.each([
  { golden: "ipv6-empty-inbound-ports", options: NOTHING },
  {
    golden: "ipv6-outbound-ports",
    options: { ...NOTHING, includeOutboundPorts: [32_000, 31_000] },
  },
])("the rules of IPv6 for istio-init's golden file $golden", ({ golden, options }) => {
  const folder = corpusFolder("istio/iptables");
  const text = folder && readFileSync(join(folder, `${golden}.golden`), "utf8");

  it.skipIf(text === undefined)("treat every packet as istio-init's do", () => {
    // Both families' tables stand in the file, that of IPv6 last.
    const theirs = parseNatTable(text?.slice(text.lastIndexOf("* nat")) ?? "");
    const ours = parseNatTable(interceptionRules(options, undefined, "ipv6"));
    fc.assert(
      fc.property(ipv6Packets, (packet) => {
        expect(redirectedTo(ours, packet)).toBe(redirectedTo(theirs, packet));
      }),
      { numRuns: 2000 },
    );
  });
});

describe("ranges of IPv6", () => {
  const packet: Packet = {
    ...{ hook: "OUTPUT", loopback: false, source: "fd00::7", destination: "2001:db8::1" },
    ...{ port: 80, uid: 0, gid: 0 },
  };

  it.each([
    { name: "includeOutboundIPRanges", value: "2001:db8::/32", to: 15_001 },
    { name: "includeOutboundIPRanges", value: "10.0.0.0/8", to: undefined },
    { name: "excludeOutboundIPRanges", value: "2001:db8::/32,10.0.0.0/8", to: undefined },
    { name: "excludeOutboundIPRanges", value: "10.0.0.0/8", to: 15_001 },
  ])("$name: $value", ({ name, value, to }) => {
    const traffic = podInterception({ [`traffic.sidecar.istio.io/${name}`]: value }, []);
    const table = parseNatTable(interceptionRules(traffic, undefined, "ipv6"));
    expect(redirectedTo(table, packet)).toBe(to);
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
    const options = podInterception({}, ["10.200.0.1"]);
    const table = parseNatTable(interceptionRules(options, undefined));
    const sent = { ...FROM_APP, ...packet, ...(destination === undefined ? {} : { destination }) };
    expect(redirectedTo(table, sent)).toBe(to);
  });
});

const ISTIO = "traffic.sidecar.istio.io";
const LINKERD = "config.linkerd.io";

describe.each([
  { name: `${ISTIO}/excludeInboundPorts`, value: "9080", packet: TO_APP, to: undefined },
  { name: `${ISTIO}/includeInboundPorts`, value: "80, 81", packet: TO_APP, to: undefined },
  { name: `${ISTIO}/includeInboundPorts`, value: "9080", packet: TO_APP, to: 15_006 },
  { name: `${ISTIO}/includeInboundPorts`, value: "", packet: TO_APP, to: undefined },
  { name: `${ISTIO}/excludeOutboundPorts`, value: "9080", packet: FROM_APP, to: undefined },
  {
    name: `${ISTIO}/excludeOutboundIPRanges`,
    ...{ value: "10.96.0.0/12", packet: FROM_APP, to: undefined },
  },
  {
    name: `${ISTIO}/includeOutboundIPRanges`,
    ...{ value: "10.0.0.0/8", packet: FROM_APP, to: 15_001 },
  },
  {
    name: `${ISTIO}/includeOutboundIPRanges`,
    ...{ value: "9.0.0.0/8", packet: FROM_APP, to: undefined },
  },
  {
    name: `${ISTIO}/excludeOutboundIPRanges`,
    ...{ value: "fd00::/8,10.96.0.10", packet: FROM_APP, to: undefined },
  },
  { name: `${LINKERD}/skip-inbound-ports`, value: "25,9000-9100", packet: TO_APP, to: undefined },
  { name: `${LINKERD}/skip-inbound-ports`, value: "25,9000-9079", packet: TO_APP, to: 15_006 },
  { name: `${LINKERD}/skip-outbound-ports`, value: "9080", packet: FROM_APP, to: undefined },
  { name: `${LINKERD}/skip-outbound-ports`, value: "9081-9999", packet: FROM_APP, to: 15_001 },
])("the annotation $name: $value", ({ name, value, packet, to }) => {
  it(to === undefined ? "lets the packet pass" : `sends the packet to ${to}`, () => {
    const options = podInterception({ [name]: value }, ["10.200.0.1"]);
    expect(redirectedTo(parseNatTable(interceptionRules(options, undefined)), packet)).toBe(to);
  });
});

const NAMES = { gateway: "10.200.0.1", ports: { app: 53, sidecar: 40_000 } };
const QUERY: Packet = { ...FROM_APP, protocol: "udp", destination: "192.0.2.53", port: 53 };
const BY_SIDECAR = { uid: 1337, gid: 1337 };

describe.each([
  { what: "an app's question to any server", packet: QUERY, to: "10.200.0.1:53" },
  { what: "one over TCP", packet: { ...QUERY, protocol: "tcp" as const }, to: "10.200.0.1:53" },
  { what: "the sidecar's question", packet: { ...QUERY, ...BY_SIDECAR }, to: "10.200.0.1:40000" },
  {
    what: "a question to a server in the pod",
    ...{ packet: { ...QUERY, loopback: true, destination: "127.0.0.53" }, to: undefined },
  },
  { what: "another datagram", packet: { ...QUERY, port: 123 }, to: undefined },
])("of names, $what", ({ packet, to }) => {
  const table = parseNatTable(interceptionRules(podInterception({}, ["10.200.0.1"]), NAMES));

  it(to === undefined ? "passes" : `goes to ${to}`, () => {
    expect(rewrittenTo(table, packet)).toBe(to);
  });
});

describe("port 53, where it is excluded", () => {
  const annotations = { [`${ISTIO}/excludeOutboundPorts`]: "53" };
  const table = parseNatTable(
    interceptionRules(podInterception(annotations, ["10.200.0.1"]), NAMES),
  );

  it("is answered by the mesh for who asks the mesh, and by others else", () => {
    expect(rewrittenTo(table, { ...QUERY, destination: "10.200.0.1" })).toBe("10.200.0.1:53");
    expect(rewrittenTo(table, QUERY)).toBe(undefined);
    expect(rewrittenTo(table, { ...QUERY, protocol: "tcp" })).toBe(undefined);
  });
});
