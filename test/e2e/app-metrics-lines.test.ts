import { spawnSync } from "node:child_process";
import { expect, it } from "vitest";
import { SeededRandom } from "../../src/base/random.ts";
import { sampleName } from "../../src/proxy/admin/app-metrics/sample-line.ts";
import { describeWith, tool } from "../support/tools.ts";

const PIECES = [
  ...["up", "a", "_b:", "__name__", "{", "}", "{}", "=", '"', "\\", ",", " ", "  ", "\t", "é"],
  ...['{a="1"}', '{a="x\\"y",b="\\\\"}', 'le="1"', "1", "2.5", ".5", "5.", "e3", "e999", "+", "-"],
  ...["Inf", "inf", "NaN", "nan", "99999999999999999999", "1700000000000"],
];
const LINES = 2000;

/** Lines of random pieces that we take for samples. */
function takenLines(random: SeededRandom): string[] {
  const lines = new Set<string>();
  while (lines.size < LINES) {
    let line = random.below(10) < 7 ? "up" : "";
    for (let pieces = random.below(7); pieces >= 0; pieces--) {
      line += PIECES[random.below(PIECES.length)];
    }
    if (sampleName(line) !== undefined) lines.add(line);
  }
  return [...lines];
}

describeWith(["promtool"], "lines that a sidecar takes from an app", () => {
  it("are lines to Prometheus too: one that is none would spoil the sidecar's page", () => {
    const lines = takenLines(new SeededRandom(7));
    const input = `${lines.join("\n")}\n`;
    const { stdout, stderr } = spawnSync(tool("promtool"), ["check", "metrics"], { input });
    const place = /in line (\d+)/.exec(`${stdout}${stderr}`)?.[1];
    expect(place === undefined ? "" : lines[Number(place) - 1]).toBe("");
    expect(`${stdout}${stderr}`).not.toContain("parsing error");
  });
});
