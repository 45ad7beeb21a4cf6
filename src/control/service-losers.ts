import type { Diagnostic } from "../base/diagnostic.ts";
import type { Mesh, Service } from "../model/mesh.ts";
import { subjectOf } from "../model/origin.ts";
import { compareText } from "../model/precedence/host.ts";

/**
 * Ports of a host that two objects describe: a finding on the one that is not used (OUT0303) with
 * the place of the one that is. Which one that is, `snapshot/service-view.ts` decides; it holds in
 * general, and clients of a loser's own namespace still see the loser.
 */
export function serviceLosers(mesh: Pick<Mesh, "services">): readonly Diagnostic[] {
  const byHost = Map.groupBy(mesh.services, ({ host }) => host);
  return [...byHost.values()].flatMap((services) => {
    if (services.length < 2) return [];
    const ordered = services.toSorted((a, b) => compareText(a.namespace, b.namespace));
    return ordered.flatMap((loser, index) => {
      const winner = ordered.slice(0, index).find((before) => takesFrom(before, loser));
      return winner === undefined ? [] : [lossOf(loser, winner)];
    });
  });
}

/** In one namespace ports are merged; of several namespaces one holds entirely. */
function takesFrom(before: Service, loser: Service): boolean {
  if (before.namespace === loser.namespace) return sharedPorts(before, loser).length > 0;
  return before.exportTo.includes("*") && loser.exportTo.includes("*");
}

function sharedPorts(one: Service, other: Service): readonly number[] {
  const ports = new Set(one.ports.map(({ port }) => port));
  return other.ports.map(({ port }) => port).filter((port) => ports.has(port));
}

function lossOf(loser: Service, winner: Service): Diagnostic {
  const { file, line } = winner.origin.position;
  const isNear = winner.namespace === loser.namespace;
  const what = isNear
    ? `port ${sharedPorts(winner, loser).join(", ")} of ${loser.host}`
    : loser.host;
  const clients = isNear ? "" : ` for clients outside ${loser.namespace}`;
  return {
    code: "OUT0303",
    severity: "warning",
    message: `${subjectOf(winner.origin)} (${file}:${line}) is ${what}${clients}, this is not`,
    position: loser.origin.position,
    subject: subjectOf(loser.origin),
    path: "spec.hosts",
    found: loser.host,
    hint: "describe the host in one object, or different ports of it in several",
  };
}
