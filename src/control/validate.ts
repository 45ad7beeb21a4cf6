import type { Diagnostic } from "../base/diagnostic.ts";
import { reportAgainstPods } from "../dialects/istio/analyze/pods.ts";
import type { Mesh, PortProtocol, Service } from "../model/mesh.ts";
import { subjectOf } from "../model/origin.ts";
import { routeLosers } from "../model/precedence/route.ts";
import { validateMesh } from "../model/validate.ts";
import { serviceLosers } from "./service-losers.ts";
import { unheardRoutes } from "./unheard-routes.ts";

/**
 * What can only be found once everything is together: policies against pods, dialects against one
 * another, and what is carried otherwise than its author expects. None of it forbids the mesh to
 * run. What a dialect has said already is not said again.
 */
export function validate(mesh: Mesh): readonly Diagnostic[] {
  const said = new Set(mesh.diagnostics.map(placeOf));
  const found = [
    ...routeLosers(mesh),
    ...serviceLosers(mesh),
    ...unheardRoutes(mesh),
    ...(mesh.podTemplates.length === 0 ? [] : [...validateMesh(mesh), ...reportAgainstPods(mesh)]),
    ...mesh.services.flatMap(portFindings),
  ];
  return found.filter((diagnostic) => !said.has(placeOf(diagnostic)));
}

function placeOf({ code, position, subject, path }: Diagnostic): string {
  return JSON.stringify([code, position?.file, position?.line, subject, path?.split("[")[0]]);
}

const AS_TCP: ReadonlySet<PortProtocol> = new Set(["http2", "grpc"]);

function portFindings(service: Service): readonly Diagnostic[] {
  const { origin } = service;
  return service.ports
    .filter((port) => AS_TCP.has(port.protocol))
    .map((port) => ({
      code: "OUT0610",
      severity: "info",
      message: `Port ${port.port} is declared as ${port.protocol}, and is carried as TCP`,
      position: origin.position,
      subject: subjectOf(origin),
      path: "spec.ports",
      found: port.protocol,
      hint: "it is balanced by connection, and no HTTP routes hold for it",
    }));
}
