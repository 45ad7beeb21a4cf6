import { describe, expect, it } from "vitest";
import { EmptySource } from "./source.ts";
import { compileTemplate } from "./template.ts";

class Certified extends EmptySource {
  readonly #subject: string;

  constructor(subject: string) {
    super();
    this.#subject = subject;
  }

  override requestHeader(): string {
    return this.#subject;
  }
}

function bytes(text: string): string {
  return Buffer.from(text).toString("latin1");
}

describe("a header's value", () => {
  it("that is constant goes as UTF-8", () => {
    expect(compileTemplate("é Ċ").format(new EmptySource())).toBe(bytes("é Ċ"));
  });

  it.each(["CN=\u010d\u010ax: y", "CN=\r\nx: y", "CN=😀\0"])(
    "stays on its line with %j",
    (name) => {
      const value = compileTemplate("%REQ(x)%").format(new Certified(name));
      expect(Buffer.from(value, "latin1").toString("latin1")).not.toMatch(/[\r\n\0]/);
    },
  );

  it("keeps the bytes of what a request says", () => {
    const value = compileTemplate("%REQ(x)%").format(new Certified(bytes("é")));
    expect(value).toBe(bytes("é"));
  });
});
