import { networkInterfaces } from "node:os";
import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { Registry } from "../../metrics/registry.ts";
import type { Node } from "../../model/bootstrap.ts";
import type { Cluster, Thresholds } from "../../model/cluster.ts";
import type { OverloadConfig } from "../../model/overload/overload.ts";
import type { OwnPort } from "../cluster/own-port.ts";
import type { ProxyContext } from "../cluster/upstream-cluster.ts";
import { DataPlane } from "../data-plane.ts";
import { type Resolve, resolveName } from "../dns/resolver.ts";
import { Faults } from "../faults.ts";
import type { Limits } from "../limits/limits.ts";
import { OutlierJudge } from "../outlier/outlier-judge.ts";
import { descriptorBounds, descriptorLimit } from "../overload/descriptors.ts";
import { connectionThresholds, Overload } from "../overload/overload.ts";
import { OverloadStats } from "../overload/overload-stats.ts";
import { readPressure } from "../overload/pressure.ts";
import { AccessLogs, type OpenSink } from "../telemetry/access-log/access-logs.ts";
import { peerHeadersOf } from "../telemetry/standard/peer-metadata.ts";
import { Telemetry } from "../telemetry/telemetry.ts";
import { newTicketSecret } from "../tls/session/ticket-keys.ts";
import { TlsContexts, TlsReloads } from "../tls/tls-contexts.ts";

export interface CountingOptions {
  readonly node: Node;
  /** Of this program, for `istio_build`. */
  readonly version: string;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly onNotice: (notice: string) => void;
  readonly overload: OverloadConfig;
  /** Files where left out. */
  readonly openSink?: OpenSink;
}

/** What a proxy counts and logs into. */
export interface CountingParts {
  readonly telemetry: Telemetry;
  readonly accessLogs: AccessLogs;
  readonly faults: Faults;
  readonly reloads: TlsReloads;
  readonly overloadStats: OverloadStats;
}

export interface ThreadOptions extends CountingOptions {
  readonly random: Random;
  /** This machine's resolver where left out. */
  readonly resolve?: Resolve | undefined;
  readonly carrying: boolean;
  /** Shared by the threads of a proxy; a new one where left out. */
  readonly ticketSecret?: Uint8Array;
  readonly limitsOf: (cluster: Cluster) => Limits;
  readonly ownPort?: OwnPort | undefined;
  /** By itself where left out: no other thread serves. */
  readonly outliersOf?: ProxyContext["outliersOf"];
  /** Likewise. */
  readonly accrualOf?: ProxyContext["accrualOf"];
  /** What holds the connections of all clients to their number. */
  readonly connectionsOf: (thresholds: Thresholds) => Limits;
}

/** What serves on one thread. */
export interface ThreadParts extends CountingParts {
  readonly dataPlane: DataPlane;
  readonly tls: TlsContexts;
}

/** The documentation range's first address (RFC 5737), where the machine has no other. */
const NO_ADDRESS = "192.0.2.1";

/** Makes every table of a proxy: where workers serve, the main thread has them as well. */
export function countingParts(options: CountingOptions): CountingParts {
  const { node, version, registry, clock } = options;
  return {
    telemetry: new Telemetry(registry, node, version),
    accessLogs: new AccessLogs(registry, clock, options.openSink),
    faults: new Faults(registry, options.onNotice),
    reloads: new TlsReloads(registry),
    overloadStats: new OverloadStats(registry, options.overload),
  };
}

/** Puts one thread's data plane together; it serves nothing yet. */
export function assemble(options: ThreadOptions): ThreadParts {
  const { node, clock, random, carrying, limitsOf, ownPort } = options;
  const counting = countingParts(options);
  const { telemetry, accessLogs, faults, reloads } = counting;
  const resolve = options.resolve ?? resolveName;
  const { onNotice, ticketSecret = newTicketSecret() } = options;
  const tls = new TlsContexts({ clock, reloads, onNotice, ticketSecret });
  const overload = overloadOf(options, counting);
  const dataPlane = new DataPlane({
    context: {
      clock,
      random,
      telemetry,
      resolve,
      carrying,
      faults,
      limitsOf,
      tls,
      overload,
      ownPort,
      outliersOf: options.outliersOf ?? outliersHere(onNotice),
      ...(options.accrualOf === undefined ? {} : { accrualOf: options.accrualOf }),
    },
    peerHeaders: peerHeadersOf(node),
    localAddress: ownAddress(),
    loggersOf: (filter) => accessLogs.loggersOf(filter, random),
  });
  return { ...counting, dataPlane, tls };
}

function outliersHere(onNotice: (notice: string) => void): ProxyContext["outliersOf"] {
  return (cluster, config) => new OutlierJudge(cluster, config, onNotice);
}

function overloadOf(
  { clock, random, overload: config, connectionsOf }: ThreadOptions,
  { overloadStats: stats }: CountingParts,
): Overload {
  const bounds = descriptorBounds(descriptorLimit());
  const connections = connectionsOf(connectionThresholds(config, bounds));
  return new Overload({ config, clock, random, stats, readPressure, bounds, connections });
}

/** An address of this machine that others can reach. */
function ownAddress(): string {
  for (const addresses of Object.values(networkInterfaces())) {
    for (const { address, family, internal } of addresses ?? []) {
      if (family === "IPv4" && !internal) return address;
    }
  }
  return NO_ADDRESS;
}
