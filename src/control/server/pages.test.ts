import { expect, it } from "vitest";
import { Registry } from "../../metrics/registry.ts";
import { EMPTY_MESH } from "../../model/mesh.ts";
import { pagesOf } from "./pages.ts";

const pages = pagesOf({
  mesh: () => EMPTY_MESH,
  pods: () => [],
  diagnostics: () => [{ code: "OUT0001", severity: "warning", message: "nothing is here" }],
  accepted: () => true,
  status: () => [],
  metrics: new Registry(),
});

it("lists every page on the first one", () => {
  const index = pages.get("/")?.body() ?? "";
  const others = [...pages.keys()].filter((path) => path !== "/");
  expect(others.length).toBeGreaterThan(5);
  for (const path of others) expect(index).toContain(`\n${path}\n`);
});

it("counts the diagnostics that it shows", () => {
  expect(JSON.parse(pages.get("/api/diagnostics")?.body() ?? "")).toMatchObject({
    accepted: true,
    errors: 0,
    warnings: 1,
  });
});
