import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";
import { mortal } from "../../test/support/mortal.ts";

const PROGRAM = `
import { standardError } from ${JSON.stringify(new URL("voice.ts", import.meta.url).href)};
let errors = 0;
process.on("uncaughtException", (error) => { errors++; say(String(error)); });
const say = standardError();
process.stdin.once("data", () => {
  say("first");
  setImmediate(() => {
    say("second");
    // Failed writes are told in later turns.
    process.stdin.once("data", () => process.stdout.end(String(errors)));
    process.stdout.write(".");
  });
});
process.stdout.write(".");
`;

it("a program whose standard error has no reader goes on in silence", async () => {
  const program = spawn(...mortal(process.execPath, ["--input-type=module", "--eval", PROGRAM]));
  await once(program.stdout, "data");
  program.stderr.destroy();
  await once(program.stderr, "close");
  program.stdin.write("go");
  await once(program.stdout, "data");
  program.stdin.end("on");
  const [errors] = await once(program.stdout, "data");
  expect(String(errors)).toBe("0");
});
