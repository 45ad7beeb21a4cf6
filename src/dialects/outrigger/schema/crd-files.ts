import { stringify } from "yaml";
import { customResourceDefinition, GROUP } from "./crd.ts";
import { KINDS_OF_OURS } from "./kinds.ts";

const HEAD = "# Made by npm run crds. The table is in src/dialects/outrigger/schema.\n";

/** The files that users apply, by their path in the repository. */
export function crdFiles(): readonly { readonly path: string; readonly text: string }[] {
  return KINDS_OF_OURS.map((kind) => ({
    path: `crds/${kind.plural}.${GROUP}.yaml`,
    text: HEAD + stringify(customResourceDefinition(kind), { lineWidth: 100 }),
  }));
}
