import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { runUp } from "../support/running-up.ts";
import { describeWith } from "../support/tools.ts";

const SAMPLE = fileURLToPath(new URL("../../samples/resilience", import.meta.url));
const CALLER = fileURLToPath(new URL("../../samples/resilience/caller.mjs", import.meta.url));
const TIMEOUT_MS = 90_000;

describeWith(["ip", "iptables", "root"], "the sample of resilience", () => {
  describe.each(["intercept", "explicit"])("in %s mode", (mode) => {
    it("answers with the fallback while the circuit is open, and lets it close again", async () => {
      const command = [process.execPath, CALLER];
      const { status, stderr, stdout } = await runUp(
        [SAMPLE, "--mode", mode, "--", ...command],
        TIMEOUT_MS,
      );
      expect(status, stderr).toBe(0);
      expect(stdout.trim().split("\n")).toEqual([
        "failing: 200 [], the fallback, from call 1 on",
        "well again: 200 [], the fallback, from call 1 on",
        expect.stringMatching(
          /^well again: 200 \[\{"stars":5\},\{"stars":4\}\], from call \d+ on$/,
        ),
      ]);
    });
  });
});
