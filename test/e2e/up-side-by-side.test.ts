import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import { InterceptFabric } from "../../src/up/fabric/intercept-fabric.ts";
import { dialDirectly } from "../../src/up/fabric/outside/door.ts";
import { describeWith } from "../support/tools.ts";

function links(): string {
  return execFileSync("ip", ["-brief", "address"], { encoding: "utf8" });
}

describeWith(["ip", "iptables", "root"], "two meshes on one machine", () => {
  it("keep their addresses apart", async () => {
    const first = await InterceptFabric.open([], dialDirectly);
    const second = await InterceptFabric.open([], dialDirectly);
    expect(second.gateway).not.toBe(first.gateway);
    await Promise.all([first.close(), second.close()]);
  });

  it("leave an address range to the next one when they close, and close only once", async () => {
    const first = await InterceptFabric.open([], dialDirectly);
    await first.close();
    const next = await InterceptFabric.open([], dialDirectly);
    await first.close();
    expect(links()).toContain(`${next.gateway}/16`);
    await next.close();
  });
});
