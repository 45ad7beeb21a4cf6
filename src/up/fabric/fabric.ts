import type { ChildProcess, StdioOptions } from "node:child_process";
import type { PodTraffic } from "../../dialects/kubernetes/annotations/pod-traffic.ts";
import type { NameTarget } from "./rules.ts";

/** One process that runs in a pod. */
export interface Program {
  readonly argv: readonly string[];
  /** The whole environment. */
  readonly env: NodeJS.ProcessEnv;
  readonly stdio: StdioOptions;
  /** Absolute. */
  readonly folder: string;
  /** `sidecar`: as the user that interception lets pass; `app`: as the caller. */
  readonly as: "sidecar" | "app";
  /** True for COMMAND: it stays in the terminal's foreground. */
  readonly foreground?: boolean;
}

/** What a pod's place is made from. */
export interface PodSite {
  readonly name: string;
  readonly namespace: string;
  readonly interception: PodTraffic;
  /** Where names are answered, one a family at most. */
  readonly names: readonly NameTarget[];
}

/** A running process of a pod: what is needed to wait for it and to end it. */
export interface Running {
  readonly child: ChildProcess;
  /** Sends a signal to the program itself, whatever stands between it and us. */
  signal(name: NodeJS.Signals): void;
}

/** Where one pod runs. */
export interface Place {
  readonly address: string;
  /** Undefined where this machine has no IPv6. */
  readonly ipv6Address?: string | undefined;
  /** Explicit mode: another address, for the pod's own apps behind the sidecar. */
  readonly appAddress: string | undefined;
  start(program: Program): Running;
  /** Ends all of the pod's processes at once and frees the place. */
  remove(): void;
}

/** The ground that pods stand on: their addresses and how processes get there. */
export interface Fabric {
  readonly mode: "intercept" | "explicit";
  /** The control plane, console and names listen here; every pod and the host reach it. */
  readonly gateway: string;
  /** All of its addresses: the IPv6 one beside, where there is one. */
  readonly gateways: readonly string[];
  /** Explicit mode: the folder for the apps' Unix sockets; it goes with us. */
  readonly folder: string | undefined;
  /** Where all pods' addresses are from, as `10.200.0.0/16`. */
  readonly podRanges: readonly string[];
  place(site: PodSite): Promise<Place>;
  /** Runs a program outside every pod; it ends with us. */
  startOutside(program: Program): Running;
  close(): Promise<void>;
}
