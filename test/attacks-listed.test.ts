import fs from "node:fs";
import { expect, it } from "vitest";
import { ATTACKS } from "./attacks/attack-list.ts";
import { BOOTSTRAPS, OBJECTS } from "./attacks/config/documents.ts";
import { PUSHES } from "./attacks/config/pushes.ts";

const DOCUMENT = fs.readFileSync(new URL("../docs/attacks.md", import.meta.url), "utf8");

it("docs/attacks.md has a row for every attack; npm run attacks writes it", () => {
  const attacks = [
    ...ATTACKS.flatMap((room) => room.attacks),
    ...BOOTSTRAPS,
    ...OBJECTS,
    ...PUSHES,
  ];
  const missing = attacks
    .map(({ name }) => name.replaceAll("|", "\\|"))
    .filter((name) => !DOCUMENT.includes(`\n| ${name} | `));
  expect(missing).toEqual([]);
});

it("every attack has a name of its own in its room", () => {
  for (const { attacks } of ATTACKS) {
    const names = attacks.map(({ name }) => name);
    expect(names).toEqual([...new Set(names)]);
  }
});
