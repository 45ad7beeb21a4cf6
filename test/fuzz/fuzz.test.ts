import { describe, expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { fuzz } from "./fuzzer.ts";
import type { FuzzTarget } from "./target/target.ts";
import { TARGETS } from "./targets.ts";

/** `npm run fuzz` takes its time; here the saved inputs count, and a few new ones. */
const EXECUTIONS = 1200;

describe.each(TARGETS)("$name", (target) => {
  it("holds to its rules for every saved input and some new ones", async () => {
    const random = new SeededRandom(1);
    const { finding, kinds } = await fuzz(target, random, (done) => done < EXECUTIONS);
    expect(finding?.error.message, finding?.input.toString("latin1")).toBeUndefined();
    expect(kinds).toBeGreaterThan(20);
  });
});

describe("the fuzzer", () => {
  it("finds a mistake and makes its input short", async () => {
    const target: FuzzTarget = {
      name: "a parser that two blanks behind a colon break",
      seeds: [Buffer.from("GET / HTTP/1.1\r\nHost: reviews\r\nAccept: text/html\r\n\r\n")],
      tokens: [Buffer.from(" "), Buffer.from("\r\n")],
      run: (input) => {
        if (input.includes(":  ")) throw new Error("two blanks");
        return String(input.length);
      },
    };
    const { finding } = await fuzz(target, new SeededRandom(3), (done) => done < 5000);
    expect(finding?.error.message).toBe("two blanks");
    expect(finding?.input.toString()).toBe(":  ");
  });
});
