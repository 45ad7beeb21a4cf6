import { parseIp, sharesPrefix } from "../../src/base/ip-address.ts";

/**
 * A nat table as iptables-restore reads it, and what it does with a packet: enough of iptables to
 * compare two sets of rules by their behaviour.
 */
export interface Packet {
  readonly hook: "PREROUTING" | "OUTPUT";
  readonly loopback: boolean;
  readonly source: string;
  readonly destination: string;
  readonly port: number;
  readonly uid: number;
  readonly gid: number;
  /** Default: tcp. */
  readonly protocol?: "tcp" | "udp";
}

interface Rule {
  readonly matches: (packet: Packet) => boolean;
  /** A chain, `RETURN`, `REDIRECT:<port>` or `DNAT:<address>:<port>`. */
  readonly target: string;
}

export type NatTable = ReadonlyMap<string, readonly Rule[]>;

/** Reads the `-A` lines of the nat table; throws on a word that it does not know. */
export function parseNatTable(text: string): NatTable {
  const table = new Map<string, Rule[]>();
  let inNat = false;
  for (const line of text.split("\n").map((each) => each.trim())) {
    if (line.startsWith("*")) inNat = line.replace(/\s/g, "") === "*nat";
    if (!inNat || !line.startsWith("-A ")) continue;
    const [, chain = "", ...words] = line.split(/\s+/);
    table.set(chain, [...(table.get(chain) ?? []), parseRule(words)]);
  }
  return table;
}

/** The port that the packet is redirected to, or undefined where it passes. */
export function redirectedTo(table: NatTable, packet: Packet): number | undefined {
  const verdict = walk(table, packet.hook, packet);
  if (verdict?.startsWith("REDIRECT:") !== true) return undefined;
  return Number(verdict.slice("REDIRECT:".length));
}

/** The address that the packet's destination becomes, or undefined. */
export function rewrittenTo(table: NatTable, packet: Packet): string | undefined {
  const verdict = walk(table, packet.hook, packet);
  return verdict?.startsWith("DNAT:") === true ? verdict.slice("DNAT:".length) : undefined;
}

function walk(table: NatTable, chain: string, packet: Packet): string | undefined {
  for (const { matches, target } of table.get(chain) ?? []) {
    if (!matches(packet)) continue;
    if (target === "RETURN") return undefined;
    const ends = target.startsWith("REDIRECT:") || target.startsWith("DNAT:");
    const verdict = ends ? target : walk(table, target, packet);
    if (verdict !== undefined) return verdict;
  }
  return undefined;
}

type Condition = (packet: Packet, value: string) => boolean;

const CONDITIONS: Readonly<Record<string, Condition>> = {
  "-p": (packet, value) => value === (packet.protocol ?? "tcp"),
  "-m": () => true,
  "-o": (packet, value) => value === "lo" && packet.loopback,
  "-s": (packet, value) => contains(value, packet.source),
  "-d": (packet, value) => contains(value, packet.destination),
  "--dport": (packet, value) => {
    const [first, last = first] = value.split(":").map(Number);
    return packet.port >= Number(first) && packet.port <= Number(last);
  },
  "--uid-owner": (packet, value) => packet.uid === Number(value),
  "--gid-owner": (packet, value) => packet.gid === Number(value),
};

function parseRule(words: readonly string[]): Rule {
  const conditions: ((packet: Packet) => boolean)[] = [];
  let target = "";
  for (let at = 0; at < words.length; at++) {
    const negated = words[at] === "!";
    if (negated) at += 1;
    const word = words[at] ?? "";
    const value = words[++at] ?? "";
    const condition = CONDITIONS[word];
    if (word === "-j") target = value;
    else if (word === "--to-destination") target = `DNAT:${value}`;
    else if (word === "--to-ports") target = `REDIRECT:${value}`;
    else if (condition === undefined) throw new Error(`unknown word ${word}`);
    else conditions.push((packet) => condition(packet, value) !== negated);
  }
  return { matches: (packet) => conditions.every((holds) => holds(packet)), target };
}

function contains(range: string, address: string): boolean {
  const [network = "", bits] = range.split("/");
  const [start, asked] = [parseIp(network), parseIp(address)];
  if (start === undefined || asked === undefined) throw new Error(`no range: ${range}`);
  return sharesPrefix(start, asked, Number(bits ?? start.length * 8));
}
