import type { Diagnostic } from "../../base/diagnostic.ts";
import type { Labels } from "../../model/mesh.ts";
import type { Origin } from "../../model/origin.ts";
import { INBOUND_POLICIES, type InboundPolicy } from "../kubernetes/annotations/inbound-policy.ts";
import { type FieldTable, fieldTable } from "../kubernetes/field-table.ts";
import { Fields } from "../kubernetes/fields.ts";
import type { KubernetesObject } from "../kubernetes/object.ts";

const SERVER = fieldTable({
  executed: ["apiVersion", "kind", "metadata", "spec"],
  accepted: ["status"],
});

const SPEC = fieldTable({
  executed: ["podSelector", "port", "accessPolicy"],
  reported: ["proxyProtocol"],
  refused: ["externalWorkloadSelector"],
});

const SELECTOR: FieldTable<"matchLabels" | "matchExpressions"> = fieldTable({
  executed: ["matchLabels", "matchExpressions"],
});
const EXPRESSION = fieldTable({ executed: ["key", "operator", "values"] });

export const SERVER_TABLES: Readonly<Record<string, FieldTable>> = {
  "Server.spec": SPEC,
  "Server.spec.podSelector": SELECTOR,
};

/** A port of pods that is closed but for whom something lets in. */
export interface Server {
  readonly namespace: string;
  readonly name: string;
  /** The object's own, by which ServerAuthorizations select it. */
  readonly labels: Labels;
  readonly podLabels: Labels;
  /** A number, or the name of a container port. */
  readonly port: number | string;
  readonly accessPolicy: InboundPolicy;
  readonly origin: Origin;
}

type SelectorFields = Fields<keyof typeof SELECTOR>;

const PORT_MAX = 65_535;

/** Undefined where it cannot be read: an error, so that nothing runs unguarded. */
export function readServer(
  object: KubernetesObject,
  diagnostics: Diagnostic[],
): Server | undefined {
  const server = Fields.ofObject(object, SERVER, diagnostics);
  const spec = server.requiredMapping("spec", SPEC);
  const selector = spec?.requiredMapping("podSelector", SELECTOR);
  const port = spec && readPort(spec);
  if (spec === undefined || selector === undefined || port === undefined) return undefined;
  return {
    namespace: object.namespace,
    name: object.name,
    labels: object.labels,
    podLabels: readLabels(selector),
    port,
    accessPolicy: spec.word("accessPolicy", INBOUND_POLICIES) ?? "deny",
    origin: server.origin(),
  };
}

function readPort(spec: Fields<keyof typeof SPEC>): number | string | undefined {
  const value = spec.raw("port");
  if (value === undefined) spec.missing("port", "a port number, or the name of a container port");
  if (typeof value === "string") return spec.string("port", { lengthMin: 1 });
  return value === undefined ? undefined : spec.integer("port", { min: 1, max: PORT_MAX });
}

/** Labels to be equal; an expression says the same where it allows one value. */
export function readLabels(selector: SelectorFields): Labels {
  const labels: Record<string, string> = { ...selector.labels("matchLabels") };
  for (const expression of selector.mappings("matchExpressions", EXPRESSION)) {
    const key = expression.requiredString("key");
    const values = expression.strings("values");
    const [value] = values;
    if (key !== undefined && expression.raw("operator") === "In" && values.length === 1) {
      labels[key] = value ?? "";
    } else {
      expression.bad(
        "operator",
        "The expression is not executed, so the Server would be about other pods",
        "matchLabels, or In with one value",
      );
    }
  }
  return labels;
}

/** Linkerd's admission refuses a second Server for the same pods and port. */
export function reportTwins(servers: readonly Server[], diagnostics: Diagnostic[]): void {
  const first = new Map<string, Server>();
  for (const server of servers) {
    const { namespace, origin, podLabels, port } = server;
    const labels = Object.entries(podLabels).toSorted();
    const key = JSON.stringify([namespace, labels, port]);
    const other = first.get(key);
    first.set(key, other ?? server);
    if (other === undefined) continue;
    diagnostics.push({
      code: "OUT0106",
      severity: "error",
      message: `Server ${namespace}/${other.name} is about the same pods and port`,
      position: origin.position,
      subject: `Server ${namespace}/${server.name}`,
      path: "spec",
      found: undefined,
      hint: "keep one of the two",
    });
  }
}
