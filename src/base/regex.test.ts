import { expect, it } from "vitest";
import { REGEX_PROGRAM_MAX, regexProblem } from "./regex.ts";

it.each(["", "a", "(a+)+$", "(.*a){25}", "/api/v[0-9]+/.*", "[^/]{1,253}", "(?i)x|y"])(
  "takes %j, which is matched in linear time",
  (pattern) => {
    expect(regexProblem(pattern)).toBeUndefined();
  },
);

it.each([
  ["what RE2 does not have", "(?=a)b"],
  ["back references", "(a)\\1"],
  ["repetitions of repetitions", "((a{0,100}){0,100}){0,100}"],
  ["deep nesting", `${"(".repeat(2000)}a${")".repeat(2000)}`],
  ["nothing that can be parsed", "("],
])("refuses %s", (_, pattern) => {
  expect(regexProblem(pattern)).toMatch(/./);
});

it("bounds its length, as compiling it takes a thousand times that", () => {
  expect(regexProblem("w".repeat(16 * 1024 + 1))).toMatch("too long");
});

it("bounds what an expression compiles to", () => {
  expect(regexProblem(`[a-z]{${900}}`)).toBeUndefined();
  expect(regexProblem("[a-z]{1000}[a-z]{1000}")).toMatch(`at most ${REGEX_PROGRAM_MAX}`);
});
