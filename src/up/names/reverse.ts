import { BlockList, isIPv6, SocketAddress } from "node:net";

/** The address that a reverse name stands for (RFC 1035, 3.5; RFC 3596, 2.5), or undefined. */
export function addressOfReverse(name: string): string | undefined {
  const v4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.in-addr\.arpa$/.exec(name);
  if (v4 !== null) {
    const parts = v4.slice(1, 5).reverse();
    return parts.every((part) => Number(part) <= 255) ? parts.map(Number).join(".") : undefined;
  }
  const v6 = /^((?:[0-9a-f]\.){32})ip6\.arpa$/.exec(name);
  if (v6 === null) return undefined;
  const digits = (v6[1] ?? "").replaceAll(".", "");
  const groups = [...digits].reverse().join("").match(/.{4}/g) ?? [];
  return canonical(groups.join(":"));
}

/** One text for one address: `fd00::2`, however it was written. */
export function canonical(address: string): string {
  if (!isIPv6(address)) return address;
  return new SocketAddress({ address, family: "ipv6" }).address;
}

/** Virtual addresses of Services and of ServiceEntries. */
export const VIRTUAL_RANGES: readonly string[] = ["10.96.0.0/12", "240.240.0.0/16"];

/** Addresses that only the mesh has names for. */
export class OwnRanges {
  readonly #list = new BlockList();

  /** `ranges` as `10.96.0.0/12`. */
  constructor(ranges: readonly string[]) {
    for (const range of ranges) {
      const [address = "", bits] = range.split("/");
      this.#list.addSubnet(address, Number(bits), isIPv6(address) ? "ipv6" : "ipv4");
    }
  }

  has(address: string): boolean {
    return this.#list.check(address, isIPv6(address) ? "ipv6" : "ipv4");
  }
}
