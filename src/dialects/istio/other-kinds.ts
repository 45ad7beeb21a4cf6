import type { Spec } from "./spec.ts";

/**
 * Istio's kinds that are known and not executed, and what that means for whoever wrote one.
 */
const OTHER_KINDS: Readonly<Record<string, string>> = {
  Gateway: "no gateway runs here; requests are sent to the pods and their sidecars",
  EnvoyFilter: "the configuration of the proxies is not patched",
  Telemetry: "metrics, traces and access logs are not changed by it",
  ProxyConfig: "the proxies run with their own settings",
  WasmPlugin: "no plugin is loaded",
  TrafficExtension: "no extension is loaded",
  WorkloadGroup: "no workloads outside pods join by it",
  IstioOperator: "nothing is installed; only spec.meshConfig is read",
};

/** One warning an object that is read but not executed. */
export function reportOtherKind(spec: Spec): void {
  const { kind } = spec.object;
  if (kind === "IstioOperator" && spec.at("meshConfig").present) return;
  spec.notExecuted(OTHER_KINDS[kind] ?? `${spec.object.apiVersion} has no such kind here`);
}
