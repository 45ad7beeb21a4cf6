import { expect, it } from "vitest";
import { formatDiagnostic, hasErrors, inReadingOrder } from "./diagnostic.ts";

const finding = {
  code: "IST0106",
  severity: "error",
  message: "weight is not a number",
  position: { file: "reviews.yaml", line: 12, column: 9 },
  subject: "VirtualService default/reviews",
  path: "spec.http[0].route[1].weight",
  found: '"half"',
  allowed: "a whole number from 0",
} as const;

it("prints where, what was found and what is allowed", () => {
  expect(formatDiagnostic(finding)).toBe(
    [
      "reviews.yaml:12:9: error IST0106: weight is not a number",
      "    at       VirtualService default/reviews spec.http[0].route[1].weight",
      '    found    "half"',
      "    allowed  a whole number from 0",
    ].join("\n"),
  );
});

it("prints a finding without a place as one line", () => {
  expect(formatDiagnostic({ code: "OUT0001", severity: "info", message: "nothing to do" })).toBe(
    "info OUT0001: nothing to do",
  );
});

it("holds only errors against a configuration", () => {
  expect(hasErrors([{ ...finding, severity: "warning" }])).toBe(false);
  expect(hasErrors([{ ...finding, severity: "info" }, finding])).toBe(true);
});

it("sorts findings as a reader meets them", () => {
  const at = (file: string, line: number) => ({
    ...finding,
    position: { file, line, column: 1 },
  });
  const placeless = { ...finding, position: undefined };
  const given = [at("b.yaml", 2), at("a.yaml", 1), at("b.yaml", 1), placeless];
  expect(inReadingOrder(given, ["b.yaml", "a.yaml"])).toEqual([
    placeless,
    at("b.yaml", 1),
    at("b.yaml", 2),
    at("a.yaml", 1),
  ]);
});
