/** npm run crds: writes the published schemas of our own kinds from the table that reads them. */
import { mkdirSync, writeFileSync } from "node:fs";
import { crdFiles } from "../src/dialects/outrigger/schema/crd-files.ts";

mkdirSync("crds", { recursive: true });
for (const { path, text } of crdFiles()) writeFileSync(path, text);
