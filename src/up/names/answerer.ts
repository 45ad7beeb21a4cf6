import { decode } from "dns-packet";
import { CLASS_IN, CODE, type Query, type Reading, readQuery, TYPE } from "./query.ts";
import { bareReply, type DnsRecord, NOTHING, ownReply, refusalOf, replyTo } from "./reply.ts";
import { type Asker, type Found, TTL_SECONDS, type Zone } from "./zone.ts";

export type Transport = "udp" | "tcp";

/** Asks who knows the rest of the world's names: the whole message in, the whole message out. */
export type Forward = (query: Query, transport: Transport) => Promise<Buffer>;

/** Where an answer came from. */
export type AnswerSource = "mesh" | "upstream" | "refused";

/** What happens to queries, for the counters. */
export interface AnswerObserver {
  asked(transport: Transport): void;
  /** Without a reply: it was no query. */
  dropped(): void;
  answered(source: AnswerSource, code: number): void;
}

export interface AnswererOptions {
  /** Asked anew for each query. */
  readonly zone: () => Zone;
  readonly forward: Forward;
  readonly observer: AnswerObserver;
}

/** ExternalNames that lead to ExternalNames; no chain of sense is longer. */
const ALIASES_MAX = 8;
/** How long a "no" holds: a pod that is not there yet may be in a moment. */
const NEGATIVE_TTL_SECONDS = 5;
const BAD_VERSION = 16;

/** Turns a message into the reply to it: from the mesh where it knows, else from the world. */
export class Answerer {
  readonly #options: AnswererOptions;
  #turn = 0;

  constructor(options: AnswererOptions) {
    this.#options = options;
  }

  /** Undefined for what gets no reply. Does not reject. */
  async answer(bytes: Buffer, asker: Asker, transport: Transport): Promise<Answered | undefined> {
    const { observer } = this.#options;
    const reading = readQuery(bytes);
    if (reading.kind === "dropped") {
      observer.dropped();
      return undefined;
    }
    observer.asked(transport);
    const { source, reply } = await this.#replyTo(reading, asker, transport);
    observer.answered(source, reply.readUInt16BE(2) & 15);
    return { reply, query: reading.kind === "query" ? reading.query : undefined };
  }

  async #replyTo(
    reading: Exclude<Reading, { kind: "dropped" }>,
    asker: Asker,
    transport: Transport,
  ): Promise<Sourced> {
    if (reading.kind === "refused") {
      return { source: "refused", reply: refusalOf(reading.header, reading.code) };
    }
    const { query } = reading;
    const refused = refusalCode(query);
    if (refused !== undefined) return { source: "refused", reply: bareReply(query, refused) };
    if (query.type === TYPE.any) return { source: "mesh", reply: replyToAny(query) };
    const zone = this.#options.zone();
    const { name } = query;
    const found = name === undefined ? ELSEWHERE : zone.lookup(name, query.type, asker);
    if (found.kind === "elsewhere") return this.#fromWorld(query, transport);
    if (found.kind === "alias") return this.#throughAlias(query, found.target, asker);
    const content = contentOf(found, name ?? "", zone);
    const answers = rotated(content.answers, this.#turn++);
    return { source: "mesh", reply: ownReply(query, { ...content, answers }) };
  }

  async #fromWorld(query: Query, transport: Transport): Promise<Sourced> {
    try {
      return { source: "upstream", reply: await this.#options.forward(query, transport) };
    } catch {
      return { source: "upstream", reply: bareReply(query, CODE.serverFailure) };
    }
  }

  /** A CNAME, and behind it what its target has, which another server may know. */
  async #throughAlias(query: Query, first: string, asker: Asker): Promise<Sourced> {
    const zone = this.#options.zone();
    const chain: DnsRecord[] = [];
    let owner = query.writtenName;
    let target = first;
    for (let links = 0; links < ALIASES_MAX; links++) {
      chain.push({ type: "CNAME", name: owner, ttl: TTL_SECONDS, data: target });
      if (query.type === TYPE.cname) break;
      const found = zone.lookup(target, query.type, asker);
      if (found.kind === "elsewhere") return this.#aliasFromWorld(query, chain, target);
      if (found.kind !== "alias") {
        const { answers, ...rest } = contentOf(found, target, zone);
        const reply = ownReply(query, { ...rest, answers: [...chain, ...answers] });
        return { source: "mesh", reply };
      }
      [owner, target] = [target, found.target];
    }
    const loops = chain.length === ALIASES_MAX;
    if (loops) return { source: "mesh", reply: bareReply(query, CODE.serverFailure) };
    return { source: "mesh", reply: ownReply(query, { ...NOTHING, answers: chain }) };
  }

  async #aliasFromWorld(query: Query, chain: DnsRecord[], target: string): Promise<Sourced> {
    try {
      // Over TCP: what comes back is packed anew, and must not be a part.
      const reply = await this.#options.forward(questionFor(target, query), "tcp");
      const answers = decode(reply).answers ?? [];
      const code = reply.readUInt16BE(2) & 15;
      const content = { ...NOTHING, code, answers: [...chain, ...answers] };
      return { source: "upstream", reply: replyTo(query, content, 0) };
    } catch {
      return { source: "upstream", reply: bareReply(query, CODE.serverFailure) };
    }
  }
}

/** A reply, and the query that it has to fit; undefined where that could not be read. */
export interface Answered {
  readonly reply: Buffer;
  readonly query: Query | undefined;
}

interface Sourced {
  readonly source: AnswerSource;
  readonly reply: Buffer;
}

const ELSEWHERE: Found = { kind: "elsewhere" };

/** Queries of other classes (`version.bind` in CHAOS) and for whole zones are not for us. */
function refusalCode(query: Query): number | undefined {
  if (query.edns !== undefined && query.edns.version !== 0) return BAD_VERSION;
  if (query.type === TYPE.axfr || query.type === TYPE.ixfr) return CODE.refused;
  return query.class === CLASS_IN ? undefined : CODE.refused;
}

/** Nobody needs everything at once, but those who want long replies to short queries: RFC 8482. */
function replyToAny(query: Query): Buffer {
  const data = { cpu: "RFC8482", os: "" };
  const record: DnsRecord = { type: "HINFO", name: query.writtenName, ttl: TTL_SECONDS, data };
  return ownReply(query, { ...NOTHING, answers: query.name === undefined ? [] : [record] });
}

/** Where there is nothing, the zone's SOA says for how long that holds (RFC 2308). */
function contentOf(found: Found, name: string, zone: Zone): typeof NOTHING {
  const answers = found.kind === "records" ? found.answers : [];
  const additionals = found.kind === "records" ? found.additionals : [];
  const code = found.kind === "unknown" ? CODE.noSuchName : CODE.noError;
  const isNegative = answers.length === 0 && zone.holds(name);
  return { code, answers, additionals, authorities: isNegative ? [soaOf(zone.domain)] : [] };
}

/** Many programs take the first address: each has its turn. */
function rotated<T>(list: readonly T[], turn: number): readonly T[] {
  if (list.length < 2) return list;
  const start = turn % list.length;
  return [...list.slice(start), ...list.slice(0, start)];
}

function soaOf(domain: string): DnsRecord {
  return {
    ...{ type: "SOA", name: domain, ttl: NEGATIVE_TTL_SECONDS },
    data: {
      ...{ mname: `ns.dns.${domain}`, rname: `hostmaster.${domain}`, serial: 1 },
      ...{ refresh: 7200, retry: 1800, expire: 86_400, minimum: NEGATIVE_TTL_SECONDS },
    },
  };
}

/** The same question of another name. */
function questionFor(target: string, query: Query): Query {
  const labels = target.split(".").map((label) => {
    const text = Buffer.from(label, "latin1");
    return Buffer.concat([Buffer.from([text.length]), text]);
  });
  const head = Buffer.from(query.bytes.subarray(0, 12));
  head.writeUInt16BE(0, 10);
  const tail = query.bytes.subarray(query.questionEnd - 4, query.questionEnd);
  const bytes = Buffer.concat([head, ...labels, Buffer.from([0]), tail]);
  const reading = readQuery(bytes);
  if (reading.kind !== "query") throw new Error(`${target} is no name`);
  return reading.query;
}
