import { describe, expect, it } from "vitest";
import { errorCode, fileFault } from "./file-fault.ts";

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: as the system says`), { code });
}

describe("why a file could not be read", () => {
  it.each([
    { code: "ENOENT", says: "does not exist" },
    { code: "EACCES", says: "may not be read" },
    { code: "EISDIR", says: "is a folder" },
    { code: "EMFILE", says: "cannot be read: EMFILE: as the system says" },
  ])("$code $says", ({ code, says }) => {
    expect(fileFault(failure(code))).toBe(says);
  });

  it("is told of whatever was thrown", () => {
    expect(fileFault("no")).toBe("cannot be read: no");
    expect(errorCode(new Error("no"))).toBe("");
  });
});
