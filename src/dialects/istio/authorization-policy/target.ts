import type { PolicyScope } from "../../../model/policy/access-policy.ts";
import { isLabel } from "../host.ts";
import { readSelector } from "../selector.ts";
import type { Spec } from "../spec.ts";
import { atMost } from "./value-rules.ts";

const TARGETS_MAX = 16;

/** Group and kind; why nothing comes of it. */
const TARGETS: Readonly<Record<string, string>> = {
  "core/Service": "",
  "networking.istio.io/ServiceEntry": "no proxy stands before hosts outside the mesh",
  "gateway.networking.k8s.io/Gateway": "no gateway runs here",
  "gateway.networking.k8s.io/GatewayClass": "no gateway runs here",
};

/**
 * Whom a policy is about: the mesh, a namespace, or pods, by labels or by a service that they are
 * behind; one scope a service. None where it is about proxies that do not run here.
 */
export function readScopes(spec: Spec, rootNamespace: string): readonly PolicyScope[] {
  const selector = spec.at("selector");
  const targets = [spec.at("targetRef"), spec.at("targetRefs")].filter((ref) => ref.present);
  const [one, two] = selector.present ? [selector, ...targets] : targets;
  if (one !== undefined && two !== undefined) {
    two.refuse("only one of targetRefs or selector can be set");
  }
  atMost(spec.at("targetRefs"), TARGETS_MAX);
  const namespace = spec.namespace === rootNamespace ? undefined : spec.namespace;
  const labels = readSelector(selector, "matchLabels") ?? {};
  if (targets.length === 0) return [{ namespace, labels }];
  const refs = [spec.at("targetRef"), ...spec.at("targetRefs").items()];
  return refs.filter((ref) => ref.present).flatMap((ref) => readTarget(ref));
}

function readTarget(ref: Spec): readonly PolicyScope[] {
  const group = ref.at("group").text() ?? "";
  const kind = ref.at("kind").text() ?? "";
  const name = ref.at("name").text() ?? "";
  if (ref.at("name").present && name === "") ref.at("name").refuse("targetRef name must be set");
  if ((ref.at("namespace").text() ?? "") !== "") {
    ref.at("namespace").refuse("cross namespace referencing is not currently supported");
  }
  const why = TARGETS[`${group === "" ? "core" : group}/${kind}`];
  if (why === undefined) {
    ref.refuse(`targetRef must be to one of ${Object.keys(TARGETS).join(", ")}`);
    return [];
  }
  if (why !== "") {
    ref.notExecuted(why, "a `Service` or a selector is executed by the pods' own sidecars");
    return [];
  }
  if (!isLabel(name)) return [];
  const service = `${name}.${ref.namespace}.svc.${ref.clusterDomain}`;
  return [{ namespace: ref.namespace, labels: {}, service }];
}
