import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { describeWith } from "../../../test/support/tools.ts";
import { SidecarUser } from "./sidecar-user.ts";

const home = mkdtempSync(join(tmpdir(), "outrigger-home-"));
const program = join(home, "main.ts");
writeFileSync(program, "");
afterAll(() => rmSync(home, { recursive: true }));

describeWith(["root"], "the sidecar's user", () => {
  it("keeps no capability where it can read everything", () => {
    const user = new SidecarUser(["/bin/sh"]);
    expect(user.mayReadAll).toBe(false);
    expect(user.become().join(" ")).not.toContain("dac_read_search");
  });

  it("keeps the one to read past permissions under a private home folder", () => {
    const user = new SidecarUser(["/bin/sh", program]);
    expect(user.mayReadAll).toBe(true);
    expect(user.become().join(" ")).toContain("--ambient-caps -all,+dac_read_search");
  });
});
