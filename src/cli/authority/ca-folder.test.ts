import { describe, expect, it } from "vitest";
import { caFolderProblem } from "./ca-folder.ts";

describe("the CA's folder", () => {
  it.each([
    ["ca", ["."]],
    ["./deploy/ca", ["policies", "deploy/"]],
    ["/mesh/deploy", ["/mesh/deploy"]],
    ["/mesh/deploy/..ca", ["/mesh/deploy"]],
  ])("%s is refused where %j is configuration", (folder, paths) => {
    expect(caFolderProblem(folder, paths)).toContain(`--ca-dir ${folder}: lies in ${paths.at(-1)}`);
  });

  it.each([
    ["ca", ["deploy"]],
    ["../ca", ["."]],
    ["/mesh/deploy-ca", ["/mesh/deploy", "/mesh/ca.yaml"]],
  ])("%s may stand beside %j", (folder, paths) => {
    expect(caFolderProblem(folder, paths)).toBeUndefined();
  });
});
