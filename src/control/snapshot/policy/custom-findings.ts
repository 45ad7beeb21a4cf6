import type { Diagnostic } from "../../../base/diagnostic.ts";
import type { Mesh } from "../../../model/mesh.ts";
import { subjectOf } from "../../../model/origin.ts";
import { isServed } from "./custom.ts";

/** OUT0312: CUSTOM policies that ask a server which nobody reaches, and so deny. */
export function customFindings({ security, services, settings }: Mesh): readonly Diagnostic[] {
  const { authorizationProviders = [] } = settings;
  return security.accessPolicies.flatMap(({ action, dryRun, origin, provider: name }) => {
    if (action !== "custom" || dryRun) return [];
    const provider = authorizationProviders.find((each) => each.name === name);
    // A name that nobody has is reported where it is read (IST0101).
    if (provider === undefined || isServed(provider, services)) return [];
    const { host, port } = provider;
    return [
      {
        code: "OUT0312",
        severity: "warning",
        message:
          `No service of the mesh is "${name}", ${host}:${port}: ` +
          "whatever this policy asks about is denied",
        position: origin.position,
        subject: subjectOf(origin),
        hint: "look at `extensionProviders` of MeshConfig, or add a ServiceEntry",
      },
    ];
  });
}
