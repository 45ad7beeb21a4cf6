import type { Diagnostic } from "../base/diagnostic.ts";
import { reportMutualTls } from "../dialects/istio/analyze/mutual-tls.ts";
import { reportAgainstPods } from "../dialects/istio/analyze/pods.ts";
import type { Mesh } from "../model/mesh.ts";
import { routeLosers } from "../model/precedence/route.ts";
import { silencedTraffic } from "../model/precedence/service-traffic.ts";
import { validateMesh } from "../model/validate.ts";
import { unusableKeys } from "./jwks/unusable-keys.ts";
import { serviceLosers } from "./service-losers.ts";
import { customFindings } from "./snapshot/policy/custom-findings.ts";
import { tcpFindings } from "./snapshot/policy/tcp-findings.ts";
import { circuitFindings } from "./snapshot/resilience/circuit-findings.ts";
import { unheardRoutes } from "./unheard-routes.ts";

/**
 * What can only be found once everything is together: policies against pods, dialects against one
 * another, and HTTP rules that nobody hears. Of it circuits that stand nowhere alone forbid the
 * mesh to start. What a dialect has said already is not said again.
 */
export function validate(mesh: Mesh): readonly Diagnostic[] {
  const said = new Set(mesh.diagnostics.map(placeOf));
  const found = [
    ...routeLosers(mesh),
    ...silencedTraffic(mesh),
    ...serviceLosers(mesh),
    ...unheardRoutes(mesh),
    ...unusableKeys(mesh),
    ...reportMutualTls(mesh),
    ...tcpFindings(mesh),
    ...customFindings(mesh),
    ...circuitFindings(mesh),
    ...(mesh.podTemplates.length === 0 ? [] : [...validateMesh(mesh), ...reportAgainstPods(mesh)]),
  ];
  return found.filter((diagnostic) => !said.has(placeOf(diagnostic)));
}

function placeOf({ code, position, subject, path }: Diagnostic): string {
  return JSON.stringify([code, position?.file, position?.line, subject, path?.split("[")[0]]);
}
