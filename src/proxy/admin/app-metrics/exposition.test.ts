import { describe, expect, it } from "vitest";
import { readExposition } from "./exposition.ts";
import { sampleName } from "./sample-line.ts";

const atOnce = (): Promise<void> => Promise.resolve();

describe("sampleName", () => {
  it.each([
    ["up 1", "up"],
    ["up 1 1700000000000", "up"],
    ['a:b_c9{x="1"} -2.5e-3', "a:b_c9"],
    ['x{a="1",b="}\\" ,",} +Inf', "x"],
    ['x { a = "1" , b="" }  NaN', "x"],
    ["x{}1", "x"],
    ["x .5", "x"],
  ])("finds the name in %s", (line, name) => {
    expect(sampleName(line)).toBe(name);
  });

  it.each([
    "up",
    "up 1 2 3",
    "up 1 ",
    "up 1e999",
    "up 1 9999999999999999",
    "up one",
    "9up 1",
    "up{a=1} 1",
    'up{a="1" b="2"} 1',
    'up{a="1"',
    'up{a="1} 1',
    'up{="1"} 1',
    "up1{",
    "up 1\r",
    "up 0x10",
    "<html>",
    `up ${"1".repeat(65)}`,
  ])("takes %s for no sample", (line) => {
    expect(sampleName(line)).toBe(undefined);
  });

  it("looks at each character of a hostile line once", () => {
    const hostile = [
      `up${" ".repeat(60_000)}`,
      `up{${" ".repeat(60_000)}`,
      `up{a="1"${" ,".repeat(30_000)}`,
      `up{${'a="",'.repeat(10_000)}!`,
      `up{a="${"\\".repeat(60_001)}`,
    ];
    for (const line of hostile) expect(sampleName(line)).toBe(undefined);
  });
});

describe("readExposition", () => {
  it("gathers families with all names of their samples", async () => {
    const text = [
      "# HELP app_seconds Time.",
      "# TYPE app_seconds histogram",
      'app_seconds_bucket{le="+Inf"} 1',
      "app_seconds_sum 2",
      "app_seconds_count 1",
      "",
      "app_total 3",
      "app_total_count 4",
      "# EOF",
    ].join("\n");
    const reading = await readExposition(text, atOnce);
    if ("fault" in reading) throw new Error(reading.fault);
    expect(reading.families.map(({ names }) => [...names])).toEqual([
      ["app_seconds", "app_seconds_bucket", "app_seconds_sum", "app_seconds_count"],
      ["app_total"],
      ["app_total_count"],
    ]);
    expect(reading.families.map((family) => family.text).join("")).toBe(
      text.replace("\n\n", "\n").replace("# EOF", ""),
    );
  });

  it.each([
    ["garbage", "up 1\n<html>\n", "line 2"],
    ["two types of one name", "# TYPE up gauge\n# TYPE up counter\n", "line 2"],
    ["a type that there is not", "# TYPE up number\n", "line 1"],
    ["a line without an end", `up{a="${"x".repeat(70_000)}"} 1`, "line 1"],
  ])("refuses %s", async (_, text, fault) => {
    expect(await readExposition(text, atOnce)).toEqual({ fault });
  });

  it("takes space at the end of lines away, CR too", async () => {
    const reading = await readExposition("# TYPE up gauge\r\nup 1 \t\r\n\r\n", atOnce);
    expect(reading).toMatchObject({ families: [{ text: "# TYPE up gauge\nup 1\n" }] });
  });

  it("lets other work run in between", async () => {
    let pauses = 0;
    await readExposition("up 1\n".repeat(1000), () => {
      pauses++;
      return atOnce();
    });
    expect(pauses).toBe(5);
  });
});
