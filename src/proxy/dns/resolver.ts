import { promises as dns } from "node:dns";
import { formatAddress, type SocketAddress } from "../../model/address.ts";
import type { DnsFamily } from "../../model/upstream/dns.ts";

/** How a name is asked for. */
export interface DnsQuestion {
  readonly family: DnsFamily;
  /** Empty: this machine's own resolvers, its hosts file and its search list. */
  readonly resolvers: readonly SocketAddress[];
  /** The answer's time to live is wanted. */
  readonly wantsTtl: boolean;
}

export interface DnsAnswer {
  /** At most `ADDRESSES_MAX`, in the order in which they came, each once. */
  readonly addresses: readonly string[];
  /** The least of all records'; undefined: nobody knows. */
  readonly ttlMs: number | undefined;
}

/** A name's addresses; rejects where the name cannot be resolved. */
export type Resolve = (name: string, question: DnsQuestion) => Promise<DnsAnswer>;

type Version = 4 | 6;

/** A name with more addresses than these is an attack, or a mistake. */
const ADDRESSES_MAX = 1000;

/** The families that are asked for, one after the other until one answers; `all`: both. */
const ORDER: Readonly<Record<DnsFamily, readonly Version[]>> = {
  auto: [6, 4],
  v4Only: [4],
  v6Only: [6],
  v4Preferred: [4, 6],
  all: [4, 6],
};

/** Asks as this machine does, or the resolvers that are named. */
export async function resolveName(name: string, question: DnsQuestion): Promise<DnsAnswer> {
  const answers: DnsAnswer[] = [];
  let failure: Error | undefined;
  for (const version of ORDER[question.family]) {
    try {
      const answer = await ask(name, version, question);
      if (answer.addresses.length > 0) answers.push(answer);
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
    }
    if (answers.length > 0 && question.family !== "all") break;
  }
  if (answers.length === 0 && failure !== undefined) throw failure;
  return together(answers);
}

function together(answers: readonly DnsAnswer[]): DnsAnswer {
  const addresses = [...new Set(answers.flatMap((answer) => answer.addresses))];
  const lives = answers.flatMap(({ ttlMs }) => ttlMs ?? []);
  return {
    addresses: addresses.slice(0, ADDRESSES_MAX),
    ttlMs: lives.length === 0 ? undefined : Math.min(...lives),
  };
}

async function ask(name: string, version: Version, question: DnsQuestion): Promise<DnsAnswer> {
  if (question.resolvers.length > 0) return askResolvers(name, version, question.resolvers);
  if (!question.wantsTtl) return askMachine(name, version);
  try {
    return await askResolvers(name, version, []);
  } catch {
    // Names of the hosts file, and short names of a search list, are the machine's alone to know.
    return await askMachine(name, version);
  }
}

async function askMachine(name: string, version: Version): Promise<DnsAnswer> {
  const found = await dns.lookup(name, { all: true, family: version });
  return { addresses: found.map(({ address }) => address), ttlMs: undefined };
}

async function askResolvers(
  name: string,
  version: Version,
  resolvers: readonly SocketAddress[],
): Promise<DnsAnswer> {
  const resolver = new dns.Resolver();
  if (resolvers.length > 0) resolver.setServers(resolvers.map(formatAddress));
  const records =
    version === 4
      ? await resolver.resolve4(name, { ttl: true })
      : await resolver.resolve6(name, { ttl: true });
  return {
    addresses: records.map(({ address }) => address),
    ttlMs: records.length === 0 ? undefined : 1000 * Math.min(...records.map(({ ttl }) => ttl)),
  };
}
