import { execFile } from "node:child_process";
import { VIRTUAL_RANGES } from "../names/reverse.ts";
import type { Fabric, Place, PodSite, Program, Running } from "./fabric.ts";
import { podInterception } from "./interception.ts";
import { Namespaces } from "./namespaces.ts";
import { listenInNamespace } from "./outside/namespace-socket.ts";
import { OutsideRelay } from "./outside/relay.ts";
import { innerProcess, start } from "./process.ts";
import { Reaper } from "./reaper.ts";
import { interceptionRules, type NameTarget } from "./rules.ts";
import { canShield, shielded, shieldedProcess } from "./shield.ts";
import { SidecarUser } from "./sidecar-user.ts";
import { AddressPool, freeSubnets, type Subnet } from "./subnet.ts";

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
  readonly podRanges: readonly string[];
  readonly #subnet: Subnet;
  readonly #switch: Namespaces;
  readonly #sidecar: SidecarUser;
  readonly #addresses: AddressPool;
  readonly #outside: OutsideRelay;
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
  ) {
    this.#subnet = subnet;
    this.#switch = switchboard;
    this.#outside = outside;
    this.#sidecar = sidecar;
    this.gateway = subnet.gateway;
    this.podRanges = [subnet.range];
    this.#addresses = new AddressPool(subnet);
  }

  /** `readable`: files and folders that the sidecar's user has to be able to read. */
  static async open(readable: readonly string[]): Promise<InterceptFabric> {
    const [switchboard, routes] = await Promise.all([Namespaces.open(), hostRoutes()]);
    try {
      await tryRules();
      const subnet = await claimSubnet(freeSubnets(routes), switchboard.pid);
      await switchboard.run(switchScript(subnet));
      const outside = await OutsideRelay.open({
        listen: { fd: listenInNamespace(switchboard.pid, EXIT_PORT) },
        closedRanges: VIRTUAL_RANGES,
      });
      return new InterceptFabric(subnet, switchboard, new SidecarUser(readable), outside);
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

  #namesAt({ namePorts }: PodSite): NameTarget | undefined {
    return namePorts === undefined ? undefined : { gateway: this.gateway, ports: namePorts };
  }

  #podScript(site: PodSite, address: string): string {
    return [
      `echo ${quote(site.name.slice(0, 63))} >/proc/sys/kernel/hostname || true`,
      "echo 1 >/proc/sys/net/ipv6/conf/eth0/disable_ipv6 2>/dev/null || true",
      `ip addr add ${address}/16 dev eth0`,
      "ip link set eth0 up",
      `ip route add default via ${this.#subnet.exit}`,
      restore(interceptionRules(site.interception, this.#namesAt(site))),
      privateFiles(site, address, this.gateway),
    ].join("\n");
  }
}

/** Fails where the kernel or the tools cannot do what pods need. */
async function tryRules(): Promise<void> {
  const trial = await Namespaces.open();
  try {
    await trial.run(restore(interceptionRules(podInterception({}, []), undefined)));
  } finally {
    trial.close();
  }
}

/** Applies all rules at once. Old iptables share one lock on the whole host: wait for it. */
function restore(rules: string): string {
  return hereDocument("iptables-restore --wait 10", rules);
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
    await ip("addr", "add", `${subnet.gateway}/16`, "dev", link);
    await ip("link", "set", link, "up");
    return subnet;
  }
  throw lastError ?? new Error("no free address range: 10.200.0.0/16 to 10.250.0.0/16 are taken");
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
