import { describe, expect, it } from "vitest";
import type { PodTemplate } from "../../model/mesh.ts";
import { planPods } from "./plan.ts";

function template(rest: Partial<PodTemplate> = {}): PodTemplate {
  return {
    kind: "Deployment",
    name: "reviews",
    namespace: "default",
    replicas: 1,
    labels: { app: "reviews" },
    annotations: {},
    serviceAccount: "default",
    serviceName: "",
    containers: [],
    origin: {
      position: { file: "x.yaml", line: 1, column: 1 },
      kind: "Deployment",
      namespace: "default",
      name: "reviews",
      path: "",
    },
    ...rest,
  };
}

const names = (templates: readonly PodTemplate[]): string[] =>
  planPods(templates).map(({ name }) => name);

describe.each([
  { kind: "Deployment", pattern: /^reviews-[a-z0-9]{10}-[a-z0-9]{5}$/ },
  { kind: "StatefulSet", pattern: /^reviews-0$/ },
  { kind: "DaemonSet", pattern: /^reviews-[a-z0-9]{5}$/ },
  { kind: "Pod", pattern: /^reviews$/ },
] as const)("a $kind", ({ kind, pattern }) => {
  it("names its pods as Kubernetes does", () => {
    expect(names([template({ kind })])[0]).toMatch(pattern);
  });
});

describe("the plan", () => {
  it("has a pod a replica, each with a name of its own", () => {
    expect(new Set(names([template({ replicas: 5 })])).size).toBe(5);
    expect(names([template({ replicas: 0 })])).toEqual([]);
  });

  it("is the same for the same template, wherever it was written", () => {
    const moved = template();
    const elsewhere = { ...moved.origin, position: { file: "y.yaml", line: 9, column: 9 } };
    expect(planPods([{ ...moved, origin: elsewhere }]).map(({ key }) => key)).toEqual(
      planPods([template()]).map(({ key }) => key),
    );
  });

  it("keeps the pods that are there when it is scaled", () => {
    const [first] = names([template({ replicas: 1 })]);
    expect(names([template({ replicas: 3 })])[0]).toBe(first);
  });

  it("replaces pods whose template changed", () => {
    const changed = template({ labels: { app: "reviews", version: "v2" } });
    expect(names([changed])).not.toEqual(names([template()]));
  });

  it("labels a Deployment's pods with the hash in their names", () => {
    const [pod] = planPods([template()]);
    expect(pod?.name).toContain(`-${pod?.template.labels["pod-template-hash"]}-`);
  });
});
