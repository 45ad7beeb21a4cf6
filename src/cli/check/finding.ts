import {
  type Diagnostic,
  formatDiagnostic,
  inReadingOrder,
  type Severity,
} from "../../base/diagnostic.ts";
import { envoyLosses } from "../../control/snapshot/resilience/envoy-findings.ts";
import { SnapshotStore, type World } from "../../control/snapshot.ts";
import { translate } from "../../control/translate.ts";
import { traps } from "../../control/traps/traps.ts";
import { validate } from "../../control/validate.ts";
import type { SourceSet } from "../../control/watch/documents.ts";
import { plannedWorld } from "../authz/world.ts";

/** What a check is asked for. */
export interface CheckOptions {
  /** Sidecars are real Envoys: what they do not execute is a warning. */
  readonly envoy: boolean;
}

/** One element of `-o json`. Fields are added, never renamed: builds read it. */
export interface FindingJson {
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  readonly file?: string | undefined;
  readonly line?: number | undefined;
  readonly column?: number | undefined;
  readonly object?: string | undefined;
  readonly path?: string | undefined;
  readonly found?: string | undefined;
  readonly allowed?: string | undefined;
  readonly hint?: string | undefined;
}

/**
 * All that can be said of files: what the control plane finds when it reads them, what it could
 * not tell a sidecar, and what is legal and most likely not meant. Each once, as a reader meets
 * them.
 */
export function findingsOf(sources: SourceSet, options: CheckOptions): readonly Diagnostic[] {
  const mesh = translate(sources.files);
  const read = [...sources.diagnostics, ...mesh.diagnostics, ...validate(mesh)];
  const world = plannedWorld(mesh);
  const found = [
    ...read,
    ...refusals(world),
    ...traps(world),
    ...(options.envoy ? envoyLosses(mesh) : []),
  ];
  const files = sources.files.map(({ file }) => file);
  return inReadingOrder(found, files);
}

/** Of the sidecar of one pod of each workload. */
function refusals(world: World): readonly Diagnostic[] {
  const store = new SnapshotStore();
  store.setWorld(world);
  const pods = new Map(world.pods.map((pod) => [`${pod.namespace}/${pod.workload}`, pod]));
  for (const { address, labels, name, namespace } of pods.values()) {
    store.snapshotFor({
      id: `sidecar~${address}~${name}.${namespace}~${namespace}.svc.cluster.local`,
      cluster: `${name}.${namespace}`,
      metadata: { NAME: name, NAMESPACE: namespace, LABELS: labels },
      userAgentName: "outrigger",
    });
  }
  return store.problems;
}

export function countOf(findings: readonly Diagnostic[], severity: Severity): number {
  return findings.filter((finding) => finding.severity === severity).length;
}

export function findingsText(findings: readonly Diagnostic[]): string {
  const errors = many(countOf(findings, "error"), "error");
  const warnings = many(countOf(findings, "warning"), "warning");
  const notes = many(countOf(findings, "info"), "note");
  return [...findings.map(formatDiagnostic), `${errors}, ${warnings}, ${notes}`, ""].join("\n");
}

function many(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

export function findingsJson(findings: readonly Diagnostic[]): string {
  const all = findings.map((finding): FindingJson => {
    const { position, subject, ...said } = finding;
    return { ...said, ...position, object: subject };
  });
  const summary = {
    errors: countOf(findings, "error"),
    warnings: countOf(findings, "warning"),
    notes: countOf(findings, "info"),
  };
  return `${JSON.stringify({ findings: all, summary }, undefined, 2)}\n`;
}
