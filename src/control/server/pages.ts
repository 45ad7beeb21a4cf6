import { tellPolicies } from "../../api/policy-world.ts";
import type { ProxyStatusRow } from "../../api/status.ts";
import type { Diagnostic, Severity } from "../../base/diagnostic.ts";
import type { Registry } from "../../metrics/registry.ts";
import { PROMETHEUS_CONTENT_TYPE, renderPrometheus } from "../../metrics/text-format.ts";
import type { Mesh, Pod } from "../../model/mesh.ts";
import type { Page } from "./http-server.ts";
import { podRows, serviceRows, splitRows } from "./mesh-rows.ts";
import { discoveryTargets } from "./sd-targets.ts";

/** What the pages tell about, as it is when somebody asks. */
export interface PageSources {
  mesh(): Mesh;
  pods(): readonly Pod[];
  diagnostics(): readonly Diagnostic[];
  accepted(): boolean;
  status(): readonly ProxyStatusRow[];
  readonly metrics: Registry;
}

/** Every page by its path. */
export function pagesOf(sources: PageSources): ReadonlyMap<string, Page> {
  const meshPage = <T>(rows: (mesh: Mesh, pods: readonly Pod[]) => T) =>
    json(() => rows(sources.mesh(), sources.pods()));
  const pages = new Map<string, Page>([
    ["/healthz", plain(() => "ok\n")],
    ["/sd", meshPage(discoveryTargets)],
    ["/api/services", meshPage(serviceRows)],
    ["/api/pods", meshPage(podRows)],
    ["/api/splits", meshPage(splitRows)],
    ["/api/policies", meshPage(tellPolicies)],
    ["/api/diagnostics", json(() => diagnosticsReport(sources))],
    ["/api/status", json(() => sources.status())],
    ["/metrics", metricsPage(sources.metrics)],
  ]);
  const index = [...pages.keys()].join("\n");
  return pages.set(
    "/",
    plain(() => `Outrigger's control plane\n\n${index}\n`),
  );
}

function diagnosticsReport(sources: PageSources): unknown {
  const diagnostics = sources.diagnostics();
  const count = (severity: Severity) =>
    diagnostics.filter((diagnostic) => diagnostic.severity === severity).length;
  return {
    accepted: sources.accepted(),
    errors: count("error"),
    warnings: count("warning"),
    diagnostics,
  };
}

function json(content: () => unknown): Page {
  return { contentType: "application/json", body: () => `${JSON.stringify(content())}\n` };
}

function plain(body: () => string): Page {
  return { contentType: "text/plain; charset=utf-8", body };
}

function metricsPage(metrics: Registry): Page {
  return {
    contentType: PROMETHEUS_CONTENT_TYPE,
    body: () => [...renderPrometheus(metrics)].join(""),
  };
}
