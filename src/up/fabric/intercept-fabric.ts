import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { VIRTUAL_RANGES } from "../names/reverse.ts";
import type { Fabric, Place, PodSite, Program, Running } from "./fabric.ts";
import { podInterception } from "./interception.ts";
import { Namespaces } from "./namespaces.ts";
import type { Dial } from "./outside/door.ts";
import { listenInNamespace } from "./outside/namespace-socket.ts";
import { OutsideRelay } from "./outside/relay.ts";
import { innerProcess, start } from "./process.ts";
import { Reaper } from "./reaper.ts";
import { type Family, interceptionRules, type NameTarget } from "./rules.ts";
import { canShield, shielded, shieldedProcess } from "./shield.ts";
import { SidecarUser } from "./sidecar-user.ts";
import { AddressPool, freeSubnets, ipv6Of, type Subnet } from "./subnet.ts";

/** In the switch; nothing else listens there. */
const EXIT_PORT = 15011;

/**
 * Pods as Kubernetes gives them: each has its own network namespace on a bridge, its containers
 * share localhost, and iptables redirects to the sidecar.
 *
 *     root namespace            "switch" namespace             a pod's namespace
 *     outrigger-10.200 ──veth── uplink ┐                   ┌── eth0, iptables, sidecar, apps
 *     (the gateway)                    ├ bridge ── pod1 ──┘
 *     OutsideRelay ─ ─ ─ ─ ─ ─ ─ exit ─┘
 *
 * The root namespace gets that one veth and nothing else; the kernel takes it back with the
 * switch. What pods send to addresses outside arrives at the switch's exit, where our own process
 * listens: it needs no forwarding by the host.
 */
export class InterceptFabric implements Fabric {
  readonly mode = "intercept";
  readonly folder = undefined;
  readonly gateway: string;
  readonly gateways: readonly string[];
  readonly podRanges: readonly string[];
  readonly #subnet: Subnet;
  readonly #switch: Namespaces;
  readonly #sidecar: SidecarUser;
  readonly #addresses: AddressPool;
  readonly #outside: OutsideRelay;
  readonly #hasIpv6: boolean;
  readonly #placed = new Set<Namespaces>();
  /** Only for programs outside every pod: the pods' own go with their namespaces. */
  #reaper: Reaper | undefined;
  #closed: Promise<void> | undefined;
  #pods = 0;

  private constructor(
    subnet: Subnet,
    switchboard: Namespaces,
    sidecar: SidecarUser,
    outside: OutsideRelay,
    hasIpv6: boolean,
  ) {
    this.#subnet = subnet;
    this.#switch = switchboard;
    this.#outside = outside;
    this.#sidecar = sidecar;
    this.gateway = subnet.gateway;
    const { range, ipv6 } = subnet;
    this.#hasIpv6 = hasIpv6;
    this.gateways = hasIpv6 ? [subnet.gateway, ipv6.gateway] : [subnet.gateway];
    this.podRanges = hasIpv6 ? [range, ipv6.range] : [range];
    this.#addresses = new AddressPool(subnet);
  }

  /**
   * `readable`: files and folders that the sidecar's user has to be able to read. `dial`: how the
   * outside of the mesh is reached.
   */
  static async open(readable: readonly string[], dial: Dial): Promise<InterceptFabric> {
    const [switchboard, routes] = await Promise.all([Namespaces.open(), hostRoutes()]);
    try {
      const hasIpv6 = await tryRules();
      const subnet = await claimSubnet(freeSubnets(routes), switchboard.pid);
      await switchboard.run(switchScript(subnet));
      if (hasIpv6) {
        await ip("addr", "add", `${subnet.ipv6.gateway}/64`, "dev", linkName(subnet), "nodad");
        await switchboard.run(switchIpv6Script(subnet));
      }
      const outside = await OutsideRelay.open({
        listen: { fd: listenInNamespace(switchboard.pid, EXIT_PORT) },
        closedRanges: VIRTUAL_RANGES,
        dial,
      });
      return new InterceptFabric(subnet, switchboard, new SidecarUser(readable), outside, hasIpv6);
    } catch (error) {
      switchboard.close();
      throw error;
    }
  }

  async place(site: PodSite): Promise<Place> {
    const address = this.#addresses.take();
    const port = `pod${++this.#pods}`;
    const namespaces = await Namespaces.open();
    this.#placed.add(namespaces);
    try {
      await ip(
        ...["link", "add", port, "netns", String(this.#switch.pid), "type", "veth"],
        ...["peer", "name", "eth0", "netns", String(namespaces.pid)],
      );
      await Promise.all([
        this.#switch.run(`ip link set ${port} master bridge up`),
        namespaces.run(this.#podScript(site, address)),
      ]);
      return this.#placeIn(namespaces, address);
    } catch (error) {
      this.#remove(namespaces);
      throw error;
    }
  }

  startOutside(program: Program): Running {
    this.#reaper ??= new Reaper("");
    const argv = ["setpriv", "--pdeathsig", "KILL", "--", ...program.argv];
    return start(argv, { ...program, env: this.#reaper.marked(program.env) });
  }

  /**
   * Once only, and the veth before the switch: from the moment it is gone its name, which is the
   * claim on the subnet, may be another run's.
   */
  close(): Promise<void> {
    this.#closed ??= this.#takeDown();
    return this.#closed;
  }

  async #takeDown(): Promise<void> {
    for (const namespaces of this.#placed) this.#remove(namespaces);
    this.#outside.close();
    // Gone now means gone when we return: the kernel would take it with the switch, but later.
    await ip("link", "delete", linkName(this.#subnet)).catch(() => {});
    this.#switch.close();
    await this.#reaper?.close();
  }

  #remove(namespaces: Namespaces): void {
    this.#placed.delete(namespaces);
    namespaces.close();
  }

  #placeIn(namespaces: Namespaces, address: string): Place {
    return {
      address,
      ipv6Address: this.#hasIpv6 ? ipv6Of(address) : undefined,
      appAddress: undefined,
      start: (program) => {
        if (program.foreground === true && canShield()) {
          return start(shielded(namespaces.enter(), program), program, shieldedProcess);
        }
        const prefix = program.as === "sidecar" ? this.#sidecar.become() : inFolder(program.folder);
        return start([...namespaces.enter(), ...prefix, ...program.argv], program, innerProcess);
      },
      remove: () => this.#remove(namespaces),
    };
  }

  /** Before the link is up without it: a pod that is not asked to speak IPv6 does not. */
  #ipv6Script(site: PodSite, address: string): string[] {
    if (!this.#hasIpv6) {
      return ["echo 1 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6 2>/dev/null || true"];
    }
    return [
      "echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_ra",
      `ip addr add ${ipv6Of(address)}/64 dev eth0 nodad`,
      "ip addr add ::6/128 dev lo",
      `ip -6 route add default via ${this.#subnet.ipv6.exit}`,
      restoreIpv6(interceptionRules(site.interception, namesOf("ipv6", site), "ipv6")),
    ];
  }

  #podScript(site: PodSite, address: string): string {
    return [
      `echo ${quote(site.name.slice(0, 63))} >/proc/sys/kernel/hostname || true`,
      `ip addr add ${address}/16 dev eth0`,
      "ip link set eth0 up",
      `ip route add default via ${this.#subnet.exit}`,
      restore(interceptionRules(site.interception, namesOf("ipv4", site))),
      ...this.#ipv6Script(site, address),
      privateFiles(site, address, this.gateway),
    ].join("\n");
  }
}

/**
 * Fails where the kernel or the tools cannot do what pods need. True where they can do it for
 * IPv6 as well.
 */
async function tryRules(): Promise<boolean> {
  const trial = await Namespaces.open();
  try {
    const traffic = podInterception({}, []);
    await trial.run(restore(interceptionRules(traffic, undefined)));
    return await trial
      .run(
        `ip addr add ::6/128 dev lo\n${restoreIpv6(interceptionRules(traffic, undefined, "ipv6"))}`,
      )
      .then(() => true)
      .catch(() => false);
  } finally {
    trial.close();
  }
}

function namesOf(family: Family, { names }: PodSite): NameTarget | undefined {
  return names.find(({ gateway }) => gateway.includes(":") === (family === "ipv6"));
}

/** Applies all rules at once. Old iptables share one lock on the whole host: wait for it. */
function restore(rules: string): string {
  return hereDocument("iptables-restore --wait 10", rules);
}

function restoreIpv6(rules: string): string {
  return hereDocument("ip6tables-restore --wait 10", rules);
}

/** There is no way out for IPv6, and who tries hears that at once. */
function switchIpv6Script({ ipv6 }: Subnet): string {
  return [
    `ip addr add ${ipv6.exit}/64 dev bridge nodad`,
    "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding",
    "ip -6 route add unreachable default",
  ].join("\n");
}

/** Other packets than TCP's have no way out: who sends them hears that at once. */
function switchScript({ exit, range }: Subnet): string {
  const redirect =
    `-A PREROUTING -i bridge -p tcp ! -d ${range} ` + `-j REDIRECT --to-ports ${EXIT_PORT}`;
  return [
    "ip link add bridge type bridge",
    `ip addr add ${exit}/16 dev bridge`,
    "ip link set bridge up",
    "ip link set uplink master bridge up",
    "echo 1 >/proc/sys/net/ipv4/ip_forward",
    "ip route add unreachable default",
    restore(["*nat", redirect, "COMMIT", ""].join("\n")),
  ].join("\n");
}

/**
 * The pod's own /etc/{resolv.conf,hosts,nsswitch.conf}: written to a tmpfs that only this mount
 * namespace sees, bound over the host's, and the tmpfs hidden again. No file reaches the disk.
 */
function privateFiles(site: PodSite, address: string, gateway: string): string {
  const zone = "svc.cluster.local";
  const files: Readonly<Record<string, string>> = {
    "resolv.conf": [
      `nameserver ${gateway}`,
      `search ${site.namespace}.${zone} ${zone} cluster.local`,
      "options ndots:5 timeout:2",
    ].join("\n"),
    hosts: `127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n${address} ${site.name}`,
    // A host's resolver daemon would answer for the host, not for the pod.
    "nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\nhosts: files dns",
  };
  const bind = Object.entries(files).map(([name, text]) =>
    [
      `if [ -e /etc/${name} ]; then`,
      hereDocument(`cat >/tmp/${name}`, `${text}\n`),
      `mount --bind /tmp/${name} /etc/${name}`,
      "fi",
    ].join("\n"),
  );
  const hide = "if [ -d /run/nscd ]; then mount -t tmpfs outrigger /run/nscd; fi";
  return ["mount -t tmpfs -o mode=755 outrigger /tmp", ...bind, "umount -l /tmp", hide].join("\n");
}

function hereDocument(command: string, text: string): string {
  return `${command} <<'END-OF-INPUT'\n${text}END-OF-INPUT`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Entering a mount namespace leaves the working folder at the root. */
function inFolder(folder: string): string[] {
  return ["sh", "-c", 'cd "$1" && shift && exec "$@"', "sh", folder];
}

/** Makes the veth to the switch; its name is the claim, so two runs never share a subnet. */
async function claimSubnet(candidates: readonly Subnet[], switchPid: number): Promise<Subnet> {
  let lastError: Error | undefined;
  for (const subnet of candidates) {
    const link = linkName(subnet);
    try {
      await ip(
        ...["link", "add", link, "type", "veth"],
        ...["peer", "name", "uplink", "netns", String(switchPid)],
      );
    } catch (error) {
      lastError = error as Error;
      if (!lastError.message.includes("File exists")) throw lastError;
      continue;
    }
    await refuseRoutes(link);
    await ip("addr", "add", `${subnet.gateway}/16`, "dev", link);
    await ip("link", "set", link, "up");
    return subnet;
  }
  throw lastError ?? new Error("no free address range: 10.200.0.0/16 to 10.250.0.0/16 are taken");
}

/** What runs in a pod runs as root there, and could advertise itself as our machine's router. */
async function refuseRoutes(link: string): Promise<void> {
  // Without IPv6 there is no such file, and no such router.
  await writeFile(`/proc/sys/net/ipv6/conf/${link}/accept_ra`, "0").catch(() => undefined);
}

/** At most 15 characters, as the kernel wants it. */
function linkName(subnet: Subnet): string {
  return `or-${subnet.prefix}`;
}

async function hostRoutes(): Promise<string[]> {
  const routes: unknown = JSON.parse(await ip("-json", "-4", "route", "show", "table", "all"));
  if (!Array.isArray(routes)) return [];
  return routes.map((route: { dst?: unknown }) => String(route.dst ?? ""));
}

function ip(...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile("ip", args, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`ip ${args.join(" ")}: ${stderr.trim() || error.message}`));
    });
  });
}
