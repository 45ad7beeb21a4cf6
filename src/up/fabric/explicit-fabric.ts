import { mkdtemp } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import type { Random } from "../../base/random.ts";
import type { Fabric, Place, PodSite, Program, Running } from "./fabric.ts";
import { sendSignal, start } from "./process.ts";
import { Reaper } from "./reaper.ts";
import { AddressPool, type Subnet, subnetOf } from "./subnet.ts";

/** Held open on the gateway's address: whoever has it owns the range. */
const CLAIM_PORT = 15053;
const ATTEMPTS = 32;

/**
 * Pods without privilege: each has a loopback address, nothing is intercepted, and apps find
 * their sidecar by `http_proxy`. Weaker than namespaces: other local processes can reach what an
 * app opens besides its socket.
 */
export class ExplicitFabric implements Fabric {
  readonly mode = "explicit";
  readonly gateway: string;
  readonly gateways: readonly string[];
  readonly folder: string;
  readonly podRanges: readonly string[];
  readonly #claim: Server;
  readonly #addresses: AddressPool;
  readonly #reaper: Reaper;
  readonly #groups = new Set<number>();

  private constructor(subnet: Subnet, claim: Server, folder: string) {
    this.gateway = subnet.gateway;
    this.gateways = [subnet.gateway];
    this.podRanges = [subnet.range];
    this.folder = folder;
    this.#claim = claim;
    this.#addresses = new AddressPool(subnet);
    this.#reaper = new Reaper(folder);
  }

  /** `temporary`: where the sockets' folder is made, as `/tmp`. */
  static async open(random: Random, temporary: string): Promise<ExplicitFabric> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const subnet = subnetOf(`127.${1 + random.below(254)}`);
      const claim = await tryClaim(subnet.gateway);
      if (claim === undefined) continue;
      return new ExplicitFabric(subnet, claim, await mkdtemp(join(temporary, "outrigger-")));
    }
    throw new Error("no loopback range is free: are there many meshes on this machine?");
  }

  async place(_site: PodSite): Promise<Place> {
    const groups = new Set<number>();
    return {
      address: this.#addresses.take(),
      appAddress: this.#addresses.take(),
      start: (program) => this.#start(program, groups),
      remove: () => {
        for (const group of groups) sendSignal(group, "SIGKILL");
      },
    };
  }

  startOutside(program: Program): Running {
    return this.#start(program, new Set());
  }

  async close(): Promise<void> {
    for (const group of this.#groups) sendSignal(group, "SIGKILL");
    this.#claim.close();
    await this.#reaper.close();
  }

  /** A program runs in a process group of its own; COMMAND stays in the terminal's. */
  #start(program: Program, ofPlace: Set<number>): Running {
    const running = start(program.argv, { ...program, env: this.#reaper.marked(program.env) });
    const pid = running.child.pid;
    if (pid === undefined) return running;
    const group = program.foreground === true ? pid : -pid;
    this.#groups.add(group);
    ofPlace.add(group);
    this.#reaper.started(group);
    running.child.once("exit", () => {
      // What the program left running in its group goes with it, as in a container.
      if (group < 0) sendSignal(group, "SIGKILL");
      this.#groups.delete(group);
      ofPlace.delete(group);
      this.#reaper.ended(group);
    });
    return running;
  }
}

function tryClaim(address: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "EADDRINUSE") resolve(undefined);
      else
        reject(new Error(`explicit mode needs the loopback range 127.0.0.0/8: ${error.message}`));
    });
    server.listen(CLAIM_PORT, address, () => resolve(server.unref()));
  });
}
