import { readPolicies } from "../../api/policy-world.ts";
import { formatDiagnostic, hasErrors } from "../../base/diagnostic.ts";
import { AddressBook } from "../../control/addresses.ts";
import type { World } from "../../control/snapshot.ts";
import { translate } from "../../control/translate.ts";
import { readSources } from "../../control/watch/documents.ts";
import type { Mesh, Pod } from "../../model/mesh.ts";
import { planPods } from "../../up/pods/plan.ts";
import { readToken } from "../token-file.ts";
import type { CheckFlags } from "./flags.ts";

const ANSWER_MS = 10_000;

/** A mesh and its pods; or why there is none, all at once. */
export type Found = { readonly world: World } | { readonly problems: readonly string[] };

/** Of files, or of a running control plane. */
export async function findWorld(
  paths: readonly string[],
  { control, tokenFile }: CheckFlags,
): Promise<Found> {
  if (control === undefined) return await readWorld(paths);
  let token: string | undefined;
  try {
    token = readToken("--token-file", tokenFile);
  } catch (error) {
    return { problems: [(error as Error).message] };
  }
  return await askControl(control, token);
}

/** The mesh of the files; or why there is none, all at once. */
async function readWorld(paths: readonly string[]): Promise<Found> {
  const { files, diagnostics } = await readSources(paths);
  const mesh = translate(files);
  const found = [...diagnostics, ...mesh.diagnostics];
  if (!hasErrors(found)) return { world: plannedWorld(mesh) };
  const errors = found.filter(({ severity }) => severity === "error");
  return { problems: errors.map(formatDiagnostic) };
}

/** The mesh that a control plane holds now. */
async function askControl(control: string, token: string | undefined): Promise<Found> {
  try {
    const answer = await fetch(new URL("/api/policies", control), {
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      redirect: "error",
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const text = await answer.text();
    if (!answer.ok) return { problems: [`--control ${control}: ${answer.status} ${text.trim()}`] };
    const world = readPolicies(text);
    if (world !== undefined) return { world: withPods(world) };
    return { problems: [`--control ${control}: what answers there is no control plane`] };
  } catch (error) {
    const { cause, message } = error as Error;
    const why = cause instanceof Error ? cause.message || message : message;
    return { problems: [`--control ${control}: ${why}`] };
  }
}

/** The mesh as it would run: every pod of its files, ready, each with an address. */
export function plannedWorld(mesh: Mesh): World {
  return { mesh: new AddressBook().assign(mesh), pods: plannedPods(mesh) };
}

/** A control plane that runs alone knows no pods but those of its files. */
function withPods({ mesh, pods }: World): World {
  return pods.length > 0 ? { mesh, pods } : plannedWorld(mesh);
}

const POD_NETWORK = 0x0a_2c_00_00;

/** Addresses from 10.44.0.2 on, as `outrigger up` gives them. */
function plannedPods({ podTemplates }: Mesh): readonly Pod[] {
  return planPods(podTemplates).map(({ name, namespace, template }, index) => ({
    name,
    namespace,
    address: dotted(POD_NETWORK + 2 + index),
    labels: template.labels,
    annotations: template.annotations,
    serviceAccount: template.serviceAccount,
    workload: template.name,
    containers: template.containers,
    ready: true,
    appSockets: undefined,
  }));
}

function dotted(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 0xff).join(".");
}
