import type { CircuitTarget } from "../../model/resilience/circuit-policy.ts";
import type { TARGET_GROUPS, TARGET_REF, TargetKind } from "./schema/circuit-breaker.ts";
import { TARGET_GROUPS as GROUPS } from "./schema/circuit-breaker.ts";
import type { Section } from "./section.ts";

type RefSection = Section<keyof typeof TARGET_REF.properties>;

/** Targets that can be read; a policy reaches into its own namespace alone. */
export function readTargets(refs: readonly RefSection[], home: string): readonly CircuitTarget[] {
  const seen = new Set<string>();
  return refs.flatMap((ref) => {
    const target = readTarget(ref, home);
    if (target === undefined) return [];
    const key = JSON.stringify({ ...target, origin: undefined });
    if (seen.has(key)) ref.bad("name", "The target stands twice", "each target once");
    seen.add(key);
    return [target];
  });
}

function readTarget(ref: RefSection, home: string): CircuitTarget | undefined {
  const kind = ref.word<TargetKind>("kind");
  const name = ref.text("name");
  const sectionName = ref.text("sectionName");
  const group = ref.text("group");
  const namespace = ref.text("namespace");
  if (namespace !== undefined && namespace !== home) {
    ref.bad("namespace", "A circuit stands at what is in its own namespace", home);
    return undefined;
  }
  if (kind === undefined || name === undefined) return undefined;
  if (group !== undefined && group !== GROUPS[kind]) {
    const allowed = GROUPS[kind] === "" ? '"" (the core group)' : GROUPS[kind];
    ref.bad("group", `${kind} is of another group`, allowed);
  }
  return targetOf(ref, { kind, name, sectionName }, home);
}

interface Said {
  readonly kind: keyof typeof TARGET_GROUPS;
  readonly name: string;
  readonly sectionName: string | undefined;
}

function targetOf(
  ref: RefSection,
  { kind, name, sectionName }: Said,
  home: string,
): CircuitTarget | undefined {
  const origin = ref.origin();
  if (kind === "HTTPRoute" || kind === "GRPCRoute" || kind === "VirtualService") {
    return { kind, name, sectionName, origin };
  }
  if (sectionName !== undefined) {
    ref.bad("sectionName", `A ${kind} has no sections`, "a section of a route");
    return undefined;
  }
  if (kind !== "Namespace") return { kind, name, origin };
  if (name === home) return { kind, origin };
  ref.bad("name", "A circuit stands at what is in its own namespace", home);
  return undefined;
}
