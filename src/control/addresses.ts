import type { Mesh, Service } from "../model/mesh.ts";

/** A range of addresses that virtual IPs are taken from. */
interface Range {
  readonly base: number;
  readonly size: number;
}

/** Kubernetes' usual service range, 10.96.0.0/12. */
const CLUSTER_IPS: Range = { base: 0x0a_60_00_00, size: 1 << 20 };
/** What IPv6 addresses of Services begin with; the IPv4 address beside follows. */
const CLUSTER_IPV6_PREFIX = "fd00:10:96::";
/** What Istio gives to ServiceEntries, 240.240.0.0/16. */
const ENTRY_IPS: Range = { base: 0xf0_f0_00_00, size: 1 << 16 };

/**
 * Gives virtual addresses to services that have none. The address follows from the name alone; of
 * two names that meet, the later one moves on. What was given once stays given for as long as the
 * service exists, and a written address is never given to another.
 */
export class AddressBook {
  #given = new Map<string, string>();

  /** The mesh with an address for each service that needs one. */
  assign(mesh: Mesh): Mesh {
    const taken = new Set(mesh.services.flatMap((service) => service.addresses));
    const given = new Map<string, string>();
    const lacking = mesh.services.filter(needsAddress).sort(byKey);
    for (const service of lacking) this.#keep(service, taken, given);
    for (const service of lacking) give(service, taken, given);
    this.#given = given;
    return { ...mesh, services: mesh.services.map((service) => addressed(service, given)) };
  }

  #keep(service: Service, taken: Set<string>, given: Map<string, string>): void {
    const known = this.#given.get(keyOf(service));
    if (known === undefined || taken.has(known)) return;
    taken.add(known);
    given.set(keyOf(service), known);
  }
}

function give(service: Service, taken: Set<string>, given: Map<string, string>): void {
  const key = keyOf(service);
  if (given.has(key)) return;
  const range = service.resolution === "pods" ? CLUSTER_IPS : ENTRY_IPS;
  const address = firstFree(key, range, taken);
  taken.add(address);
  given.set(key, address);
}

/** The first ten addresses of a range are kept for the machine's own use, as 10.96.0.1 is. */
function firstFree(key: string, { base, size }: Range, taken: ReadonlySet<string>): string {
  const usable = size - 16;
  const start = hash(key) % usable;
  for (let step = 0; step < usable; step++) {
    const address = dotted(base + 10 + ((start + step) % usable));
    if (!taken.has(address)) return address;
  }
  throw new Error(`no free address is left for ${key}`);
}

function needsAddress(service: Service): boolean {
  const { headless, resolution, host } = service;
  const single = service.addresses.some(
    (address) => !address.includes("/") && (!isOfBoth(service) || !address.includes(":")),
  );
  return !single && !headless && resolution !== "none" && !host.startsWith("*");
}

function addressed(service: Service, given: ReadonlyMap<string, string>): Service {
  const address = needsAddress(service) ? given.get(keyOf(service)) : undefined;
  const { addresses, ipFamilies = ["IPv4"], headless } = service;
  const added = address !== undefined && ipFamilies.includes("IPv4") ? [address] : [];
  const known = address ?? addresses.find((each) => !each.includes(":"));
  const lacksIpv6 =
    ipFamilies.includes("IPv6") && !headless && !addresses.some((each) => each.includes(":"));
  if (lacksIpv6 && known !== undefined) added.push(asIpv6(known));
  return added.length === 0 ? service : { ...service, addresses: [...addresses, ...added] };
}

function isOfBoth({ ipFamilies }: Service): boolean {
  return ipFamilies !== undefined && ipFamilies.length > 1;
}

/** `fd00:10:96::a64:48d4` for 10.100.72.212: unique as that is. */
function asIpv6(address: string): string {
  const [a = 0, b = 0, c = 0, d = 0] = address.split(".").map(Number);
  const groups = [a * 256 + b, c * 256 + d].map((group) => group.toString(16));
  return `${CLUSTER_IPV6_PREFIX}${groups.join(":")}`;
}

function keyOf(service: Service): string {
  return `${service.namespace}/${service.host}`;
}

function byKey(left: Service, right: Service): number {
  const a = keyOf(left);
  const b = keyOf(right);
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join(".");
}

/** FNV-1a, 32 bits. */
function hash(text: string): number {
  let value = 0x81_1c_9d_c5;
  for (let index = 0; index < text.length; index++) {
    value = Math.imul(value ^ text.charCodeAt(index), 0x01_00_01_93);
  }
  return value >>> 0;
}
